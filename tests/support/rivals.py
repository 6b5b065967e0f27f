"""What tests do from processes of their own, at the same time as one another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from worker.contract.run_folder import Fence, Part, RunFolder
from worker.contract.run_spec import LoadMode
from worker.destination import Target, open_destination
from worker.settings import Settings


def take_fence(url: str, attempt: int, nonce: str) -> int:
    """Try to take a fence: 0 if it is one's own."""
    standing = RunFolder(url).take_fence(attempt, Fence(nonce=nonce, at=datetime.now(UTC)))
    return 0 if standing.nonce == nonce else 1


def publish(url: str, target: list[str], key: str, parts: list[dict[str, object]], mode: str) -> int:
    """Publish, and return the number of rows."""
    destination = open_destination(url, Settings(duckdb_lock_wait=timedelta(seconds=30)))
    project, dataset, table = target
    named = [Part.model_validate(part) for part in parts]
    return destination.publish(Target(project, dataset, table), key, named, LoadMode(mode)).rows


def hold(path: str, ready: str, until: str) -> int:
    """Hold a DuckDB file: make the file `ready`, then wait for the named pipe `until`."""
    import duckdb

    with duckdb.connect(path):
        Path(ready).touch()
        Path(until).read_text()
    return 0
