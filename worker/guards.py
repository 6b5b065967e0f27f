"""Refusing what is most likely a mistake at the source before it reaches a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.contract.run_spec import LoadMode
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.contract.run_folder import Manifest
    from worker.job import Job


def refuse_drop(job: Job, manifest: Manifest, warn: Callable[[str], None]) -> None:
    """Refuse to replace a table by fewer than half of its rows, unless the config allows it: then only warn.

    Raises:
        ConfigurationError: names both counts.
    """
    if job.spec.load_mode is not LoadMode.REPLACE:
        return
    rows = sum(part.rows for part in manifest.parts)
    table = job.destination.describe(job.target)
    if table is None or rows * 2 >= table.rows:
        return
    name = f"{job.target.dataset}.{job.target.table}"
    if not job.spec.allow_drop:
        raise ConfigurationError(
            f"table {name}: expected at least half of its {table.rows} rows, got {rows} from the source;"
            " if that is right, set allow_drop and run it again"
        )
    warn(f"table {name}: {rows} rows replace {table.rows}, since allow_drop is set")
