"""Connections to a DuckDB file, which one process at a time may write: whoever comes later waits, within bounds."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from worker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from pathlib import Path

# Small enough for the smallest worker (512 MB, with Python and Arrow); what does not fit goes to disk, beside the file.
_CONFIG = {"memory_limit": "256MB", "threads": 2, "autoinstall_known_extensions": False}
_LOCKED = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_REFUSALS = (
    duckdb.CatalogException,  # a view has the table's name, or an index stands on a column that must be widened
    duckdb.ConstraintException,
    duckdb.ConversionException,
    duckdb.DependencyException,
)
_COMMAND_CHARACTERS = 200
_BACKOFF = wait_random_exponential(multiplier=0.02, max=0.5)


@contextmanager
def connected(path: Path, lock_wait: timedelta, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the file for as long as the block lasts.

    Raises:
        Unavailable: another process holds the file and did not let go in time (names it), or the disk failed.
        ConfigurationError: it is no DuckDB file, or it does not take these rows.
    """
    connection = _patiently_opened(path, lock_wait, read_only=read_only)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except _REFUSALS as error:
        raise ConfigurationError(
            f"{path}: expected a table that takes these rows, got: {_first_line(error)}; change the table or the source"
        ) from error
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise Unavailable(f"{path}: expected to read and write it, got: {_first_line(error)}; try again") from error
    finally:
        connection.close()


def _patiently_opened(path: Path, lock_wait: timedelta, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    attempts = Retrying(
        retry=retry_if_exception(lambda error: _LOCKED.search(str(error)) is not None),
        stop=stop_after_delay(lock_wait),
        wait=_BACKOFF,
    )
    try:
        return attempts(duckdb.connect, path, read_only=read_only, config=_CONFIG)
    except RetryError as gave_up:
        error = gave_up.last_attempt.exception()
        raise Unavailable(
            f"{path}: expected the file to be free within {lock_wait.total_seconds():g} s, got {_holder(str(error))};"
            " it is tried again; a program that holds the file all the time, even to read, must close it in between",
            fingerprint=f"file {path}",
        ) from None
    except duckdb.Error as error:
        raise ConfigurationError(
            f"{path}: expected a DuckDB file that can be opened, got: {_first_line(error)}; correct DESTINATION_URL"
        ) from error


def _holder(error: str) -> str:
    """Say who holds the file: DuckDB names program and process, the command line is looked up."""
    import psutil

    found = _LOCKED.search(error)
    if found is None:
        return error
    try:
        command = " ".join(psutil.Process(int(found["pid"])).cmdline())
    except psutil.Error:
        command = ""
    return f"a lock held by process {found['pid']} ({command[:_COMMAND_CHARACTERS] or found['program']})"


def _first_line(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0]
