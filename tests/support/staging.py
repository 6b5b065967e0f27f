"""Units for destinations, staged as the worker stages them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pyarrow as pa

from worker.batches import conformed
from worker.stage import write_parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from worker.contract.run_folder import Part


@dataclass
class Stager:
    folder: Path
    numbers: count[int] = field(default_factory=count)

    def __call__(self, *tables: pa.Table) -> Sequence[Part]:
        """Stage one unit, each table as a part of its own."""
        return [part for table in tables for part in self._parts(table)]

    def _parts(self, table: pa.Table) -> list[Part]:
        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        return list(write_parts(conformed(batches), f"file://{self.folder}/{next(self.numbers)}"))
