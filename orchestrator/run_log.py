"""The end of a run's log: what its worker left in the run folder, or what it has printed here so far."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.errors import NotFound
from orchestrator.spec import run_spec
from worker.contract.run_folder import LOG_TAIL_BYTES, RunFolder, local_path

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


def read_log(row: RowMapping, attempt: int | None = None) -> bytes:
    """Return the last 256 KB of an attempt's log (the last attempt's by default): JSON lines, as a rule.

    Raises:
        NotFound: the run was not launched, or this attempt left no log.
    """
    wanted = attempt or row["attempt"]
    if row["spec"] is None:
        raise NotFound(f"run {row['id']}: expected one that was launched, got one that is {row['state']}")
    folder = RunFolder(str(run_spec(row["spec"], run_id=row["id"]).run_folder))
    log = folder.log(wanted)
    if log is None and wanted == row["attempt"]:
        log = _printed(folder, row["log_uri"])
    if log is None:
        raise NotFound(f"run {row['id']}: expected a log of attempt {wanted}, got none in {folder.url}")
    return log


def _printed(folder: RunFolder, log_uri: str | None) -> bytes | None:
    """What the launcher keeps beside the run, on this machine."""
    if not (log_uri and folder.url.startswith("file://") and log_uri.startswith("file://")):
        return None
    path = local_path(log_uri).resolve()
    if path.is_relative_to(local_path(folder.url).resolve()):
        with suppress(OSError):
            return path.read_bytes()[-LOG_TAIL_BYTES:]
    return None
