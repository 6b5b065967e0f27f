"""What the exit code of `sluice` says, and which error ends in which."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The codes of `sysexits.h` where one fits; `execute` ends with the worker's own, which mean the same."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Make a code that can say what it means."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "Done."
    FAILED = 1, "A run failed, `doctor` found something wrong, or what was asked cannot be done as things are."
    USAGE = 2, "The command line makes no sense; `--help` tells."
    NOT_FOUND = 3, "There is no config or run of that name or id."
    BUG = 70, "An error nobody foresaw, or a worker that was killed: see the log, and please report a bug."
    TRY_AGAIN = 75, "The database does not answer, a lock is held, or a run still waits: the same may work later."
    FENCED = 76, "Of `execute` and of a worker: another execution holds this attempt, and nothing was touched."
    CONFIGURATION = 78, "A setting or a config is wrong, or migrations are missing: somebody must change what it names."
    INTERRUPTED = 130, "Ctrl-C, or SIGTERM. `serve` ends with 0."


def exit_code_of(error: Exception) -> ExitCode:
    """Return the code that a command ends with when this error ends it."""
    from orchestrator import errors
    from orchestrator.check import ConfigError
    from orchestrator.embedded_home import EmbeddedPostgresError
    from orchestrator.launcher import LaunchRefused
    from orchestrator.migrate import MigrationError

    if isinstance(error, MigrationError) and isinstance(error.__cause__, errors.UNANSWERED):
        return ExitCode.TRY_AGAIN  # a lock was not to be had
    codes: dict[ExitCode, tuple[type[Exception], ...]] = {
        ExitCode.FAILED: (errors.Refused,),
        ExitCode.NOT_FOUND: (errors.NotFound,),
        ExitCode.TRY_AGAIN: (errors.Unreachable, *errors.UNANSWERED),
        ExitCode.CONFIGURATION: (
            errors.SettingsError,
            errors.DatabaseNotReady,
            MigrationError,
            ConfigError,
            EmbeddedPostgresError,
            LaunchRefused,
        ),
    }
    return next((code for code, kinds in codes.items() if isinstance(error, kinds)), ExitCode.BUG)
