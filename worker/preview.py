"""Looking before loading: `check` reads the environment only, `plan` also asks the source; neither writes anything."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from worker.contract.exit_code import ExitCode
from worker.contract.run_folder import RunFolder
from worker.job import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from worker.contract.run_folder import PlannedUnit
    from worker.source import Source

ROWS = 10


def check(environment: Mapping[str, str]) -> ExitCode:
    """Validate the environment and the options, and connect to nothing."""
    job = Job.from_env(_unspilled(environment))
    _say("job", _what(job))
    return ExitCode.OK


def plan(environment: Mapping[str, str]) -> ExitCode:
    """Show the units, and the columns, types and first rows of the first; take no fence and write nothing."""
    job = Job.from_env(_unspilled(environment))
    now = datetime.now(UTC)
    source = job.source(cursor=job.spec.cursor, now=now, warn=lambda text: _say("warning", {"text": text}))
    units = source.plan()
    _say("job", _what(job))
    for unit in units:
        _say("unit", {"key": unit.key, "cursor": unit.cursor, "window": unit.window})
    if units:
        _show_rows(_first_rows(job, source, units[0], now))
    return ExitCode.OK


def _unspilled(environment: Mapping[str, str]) -> dict[str, str]:
    folder = environment.get("RUN_FOLDER")
    return RunFolder(folder).unspill(dict(environment)) if folder else dict(environment)


def _first_rows(job: Job, source: Source, unit: PlannedUnit, now: datetime) -> pa.Table:
    """Read no more batches than the rows take."""
    import pyarrow as pa

    from worker.batches import conformed

    metadata = job.metadata("(run id)", now)
    batches = conformed(source.read(unit), custom_schema=job.custom_schema, metadata=metadata)
    first = next(batches)
    enough = chain([first], batches) if first.num_rows < ROWS else [first]
    rows = islice((batch.slice(place, 1) for batch in enough for place in range(batch.num_rows)), ROWS)
    return pa.Table.from_batches(list(rows), schema=first.schema)


def _show_rows(rows: pa.Table) -> None:
    from worker.types import type_name

    for field in rows.schema:
        mode = "NULLABLE" if field.nullable else "REQUIRED"
        _say("column", {"name": field.name, "type": type_name(field.type), "mode": mode})
    for row in rows.to_pylist():
        _say("row", row)


def _what(job: Job) -> dict[str, Any]:
    spec = job.spec
    return {
        "config": spec.config_name,
        "kind": spec.kind,
        "mode": spec.load_mode.value,
        "table": f"{spec.dataset}.{spec.table}",
        "destination": spec.destination_url,
    }


def _say(what: str, values: Mapping[str, Any]) -> None:
    """One line for a person on a terminal, else one JSON object."""
    if sys.stdout.isatty():
        said = "  ".join(f"{name}={value}" for name, value in values.items())
        print(f"{what:<8}{said}")  # noqa: T201 - this is the command's output
    else:
        print(json.dumps({what: values}, default=str, ensure_ascii=False))  # noqa: T201 - this is the command's output
