"""Publishing from a process of its own."""

from __future__ import annotations

from datetime import timedelta

from worker.contract.run_folder import Part
from worker.contract.run_spec import LoadMode
from worker.destination import Target, open_destination
from worker.settings import Settings


def publish(url: str, target: list[str], key: str, parts: list[dict[str, object]], mode: str) -> int:
    """Publish, and return the number of rows as the exit code."""
    destination = open_destination(url, Settings(duckdb_lock_wait=timedelta(seconds=30)))
    project, dataset, table = target
    named = [Part.model_validate(part) for part in parts]
    return destination.publish(Target(project, dataset, table), key, named, LoadMode(mode)).rows
