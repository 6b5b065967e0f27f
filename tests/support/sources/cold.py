"""A source that plans nothing and warns of what is loaded by then."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tests.support.source_options.cold import Options
    from worker.contract.run_folder import PlannedUnit
    from worker.source import Request

_HEAVY = (
    "asyncio",
    "duckdb",
    "numpy",
    "pandas",
    "psutil",
    "pyarrow",
    "rich",
    "structlog",
    "tenacity",
    "urllib.request",
)


@dataclass
class Cold:
    request: Request

    def plan(self) -> list[PlannedUnit]:
        self.request.warn(f"loaded: {[name for name in _HEAVY if name in sys.modules]}")
        return []

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError


def open_source(options: Options, request: Request) -> Cold:
    return Cold(request)
