"""What loading a sheet yields, as the worker would see it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tests.worker.sources.conformance import make_request
from worker.contract.options.google_sheet import Options
from worker.sheets.wire import Patience, SheetsClient
from worker.sources.google_sheet import GoogleSheet

if TYPE_CHECKING:
    from sandbox.sheets import Spreadsheet
    from worker.contract.run_folder import PlannedUnit


@dataclass(frozen=True)
class Loaded:
    """The rows of a load and what it had to say."""

    table: pa.Table
    warnings: list[str]
    units: list[PlannedUnit]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.table.to_pylist()]

    @property
    def types(self) -> dict[str, str]:
        return {field.name: str(field.type) for field in self.table.schema}


def load_sheet(
    sheet: Spreadsheet | str,
    request: dict[str, Any] | None = None,
    patience: Patience = Patience(),  # noqa: B008 - frozen
    **options: Any,  # noqa: ANN401 - options of any kind
) -> Loaded:
    """Plan and read a sheet, by its URL or otherwise, with these options."""
    warnings: list[str] = []
    parsed = Options.model_validate({"url": sheet if isinstance(sheet, str) else sheet.url, **options})
    asked = make_request(**{"warn": warnings.append, **(request or {})})
    source = GoogleSheet(parsed, asked, SheetsClient(os.environ, patience))
    units = list(source.plan())
    batches = [batch for unit in units for batch in source.read(unit)]
    return Loaded(pa.Table.from_batches(batches) if batches else pa.table({}), warnings, units)
