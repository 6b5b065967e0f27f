"""A source that plans nothing and warns of what it sees."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tests.support.source_options.witness import Options
    from worker.contract.run_folder import PlannedUnit
    from worker.source import Request

_HEAVY = ("asyncio", "duckdb", "numpy", "pandas", "psutil", "pyarrow", "rich", "structlog", "tenacity")


@dataclass
class Witness:
    options: Options
    request: Request

    def plan(self) -> list[PlannedUnit]:
        self.request.warn(str(getattr(self, f"_{self.options.tells}")()))
        return []

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def _loaded(self) -> list[str]:
        return [name for name in _HEAVY if name in sys.modules]

    def _existing(self) -> list[str] | None:
        schema = self.request.existing()
        return None if schema is None else [f"{field.name} {field.type}" for field in schema]

    def _request(self) -> list[object]:
        asked = self.request
        dates = [date and date.isoformat() for date in (asked.start_date, asked.end_date)]
        return [asked.config_name, asked.mode.value, asked.batch_size, asked.cursor, asked.failed_before, *dates]


def open_source(options: Options, request: Request) -> Witness:
    return Witness(options, request)
