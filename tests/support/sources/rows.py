"""The tests' own kind of source: rows with an ascending `id`, from a JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from worker import secrets
from worker.contract.run_folder import PlannedUnit
from worker.contract.run_spec import LoadMode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.source_options.rows import Options
    from worker.source import Request

_ANY_ROW = [{"id": 0, "name": ""}]
"""What an empty file's rows would look like."""


@dataclass
class Rows:
    options: Options
    request: Request

    def plan(self) -> list[PlannedUnit]:
        _pause(self.options.plan_then)
        if self.options.password:
            raise KeyError(f"no route to postgresql://me:{secrets.resolve(self.options.password)}@db")
        ids = [row["id"] for row in self._rows() if row["id"] > (self.request.cursor or 0)]
        if self.request.mode is LoadMode.REPLACE and not self.options.split:
            return [self._unit(min(ids, default=0), max(ids, default=0))]
        size = self.options.unit_rows
        return [self._unit(ids[start], ids[start : start + size][-1]) for start in range(0, len(ids), size)]

    def _unit(self, low: int, high: int) -> PlannedUnit:
        key = self.options.key.format(low=low, high=high)
        return PlannedUnit(key=key, cursor=high if self.options.has_cursor else None, window=[low, high])

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        low, high = unit.window
        rows = [row for row in self._rows() if low <= row["id"] <= high]
        table = pa.Table.from_pylist(rows or _ANY_ROW)
        yield pa.RecordBatch.from_pylist([], schema=table.schema)
        for batch in table.slice(0, len(rows)).to_batches(max_chunksize=1):
            yield batch
            _pause(self.options.read_then)

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.options.file.read_text())
        return rows


def open_source(options: Options, request: Request) -> Rows:
    return Rows(options, request)


def _pause(at: Path | None) -> None:
    """Say that this point is reached, and wait until the test says go."""
    if at:
        at.touch()
        at.with_suffix(".go").read_text()
