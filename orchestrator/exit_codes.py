"""What the exit code of `sluice` says, and which error ends in which."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The codes of `sysexits.h` where one fits; `execute` ends with the worker's own, which mean the same."""

    OK = 0
    FAILED = 1  # a run failed, a check found something, or what was asked cannot be done
    USAGE = 2  # the command line makes no sense; `--help` tells
    NOT_FOUND = 3  # there is no config or run of that name or id
    BUG = 70  # an error nobody foresaw: please report it
    TRY_AGAIN = 75  # the database does not answer, a lock is held, a run still waits: the same may work later
    FENCED = 76  # of `execute`: another execution holds the attempt
    CONFIGURATION = 78  # a setting or a config is wrong, or migrations are missing: it says which
    INTERRUPTED = 130  # Ctrl-C, or SIGTERM


def exit_code_of(error: Exception) -> ExitCode:
    """Return the code that a command ends with when this error ends it."""
    from sqlalchemy.exc import OperationalError

    from orchestrator import errors
    from orchestrator.check import ConfigError
    from orchestrator.embedded_home import EmbeddedPostgresError
    from orchestrator.launcher import LaunchRefused
    from orchestrator.migrate import MigrationError

    codes: dict[ExitCode, tuple[type[Exception], ...]] = {
        ExitCode.FAILED: (errors.Refused,),
        ExitCode.NOT_FOUND: (errors.NotFound,),
        ExitCode.TRY_AGAIN: (errors.Unreachable, MigrationError, OperationalError),
        ExitCode.CONFIGURATION: (
            errors.SettingsError,
            errors.DatabaseNotReady,
            ConfigError,
            EmbeddedPostgresError,
            LaunchRefused,
        ),
    }
    return next((code for code, kinds in codes.items() if isinstance(error, kinds)), ExitCode.BUG)
