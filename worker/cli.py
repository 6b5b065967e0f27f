"""`sluice-worker`: load what the environment says, or show (`plan`) or check (`check`) what that would be.

Exit codes are those of `worker.contract.exit_code`. Argparse and not a richer library: every run pays for its imports.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from worker import stop
from worker.contract.exit_code import ExitCode
from worker.logs import start_logging
from worker.outcome import classified, log_error
from worker.settings import LOG_LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.logs import LogTail

_FLAGS = {"log_level": "LOG_LEVEL", "start_date": "START_DATE", "end_date": "END_DATE"}
_LABELS = {"config": "CONFIG_NAME", "run": "RUN_ID", "attempt": "RUN_ATTEMPT"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line and the environment say, and return the exit code."""
    options = _parser().parse_args(arguments)
    flags = {variable: getattr(options, flag) for flag, variable in _FLAGS.items() if getattr(options, flag)}
    environment = {**os.environ, **flags}
    stop.raise_on_signals()
    try:
        return _run(options.command, environment, _logging(environment))
    except BaseException as raised:  # noqa: BLE001 - every end is one of the exit codes
        error = classified(raised)
        log_error(error, raised)
        return error.exit_code


def _run(command: str, environment: Mapping[str, str], tail: LogTail) -> ExitCode:
    if command == "load":
        from worker.load import load

        return load(environment, tail)
    from worker import preview

    return preview.plan(environment) if command == "plan" else preview.check(environment)


def _logging(environment: Mapping[str, str]) -> LogTail:
    """Start the log; a level that does not exist is an error later, when it can be reported."""
    level = environment.get("LOG_LEVEL", "").strip().upper()
    labels = {label: environment[variable] for label, variable in _LABELS.items() if environment.get(variable)}
    return start_logging(level if level in LOG_LEVELS else "INFO", labels)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sluice-worker",
        description="Load what the environment says (CONFIG_NAME, LOAD_KIND, SOURCE, DESTINATION_URL, ...).",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("load", "plan", "check"),
        default="load",
        help="load (the default); plan: connect, show units, columns, types and ten rows, write nothing;"
        " check: look at the environment only",
    )
    parser.add_argument(
        "--log_level", "--log-level", dest="log_level", metavar="LEVEL", help=f"{', '.join(LOG_LEVELS)} (LOG_LEVEL)"
    )
    parser.add_argument("--start-date", "--start_date", metavar="DATE", help="first day, YYYY-MM-DD (START_DATE)")
    parser.add_argument("--end-date", "--end_date", metavar="DATE", help="last day, inclusive, YYYY-MM-DD (END_DATE)")
    return parser
