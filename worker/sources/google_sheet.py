"""Rows of one tab of a Google Sheet. What becomes of headers and cells is told on the page of this source."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from worker import stop
from worker.contract.run_folder import PlannedUnit
from worker.errors import ConfigurationError, Unavailable
from worker.sheets.blocks import Blocks
from worker.sheets.faults import RangeGone
from worker.sheets.staging import read_row
from worker.sheets.table import SheetTable, StillLoading
from worker.sheets.tabs import METADATA_FIELDS, Tab, choose_tab, read_tabs, tab_by_gid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from worker.contract.options.google_sheet import Options
    from worker.sheets.wire import SheetsClient
    from worker.source import Request

CELL_FIELDS = (
    "sheets(properties(gridProperties(rowCount)),data(rowData(values(effectiveValue,effectiveFormat(numberFormat)))))"
)
READINGS = 3
"""How often a sheet is read again because its rows moved meanwhile."""


def open_source(options: Options, request: Request) -> GoogleSheet:
    """Open a tab; gspread is imported here.

    Raises:
        ConfigurationError: there are no usable credentials.
    """
    from worker.sheets.wire import SheetsClient

    return GoogleSheet(options, request, SheetsClient(os.environ))


class GoogleSheet:
    """One tab, which is one unit: it is read whole or not at all."""

    def __init__(self, options: Options, request: Request, client: SheetsClient) -> None:
        """Ask nothing yet."""
        self._known_tabs: list[Tab] | None = None
        self._options = options
        self._request = request
        self._client = client

    def plan(self) -> Sequence[PlannedUnit]:
        version = self._client.version(self._options.spreadsheet_id) if self._options.skip_unchanged else None
        if version is not None and self._is_loaded(version):
            return ()
        tab = choose_tab(self._tabs(), self._options, self._request.warn)
        return (PlannedUnit(key="sheet", cursor=version, window=tab.window()),)

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        tab, table = self._read_whole(unit.window["gid"])
        # Imported only now, so that the first request of a cold worker does not wait for pyarrow.
        from worker.sheets import schema

        request = self._request
        if not table.columns():
            yield self._nothing(tab, schema.empty(request.custom_schema, request.existing()))
            return
        schema.tell_doubled_headers(table, request.warn)
        schema.tell_errors(table, request.warn)
        if request.custom_schema:
            conversion = schema.prescribe(table, request.custom_schema, tab.zone)
        else:
            conversion = schema.detect(table, request.existing(), tab.zone, request.warn)
        yield from conversion.batches(request.batch_size)

    def _is_loaded(self, version: str) -> bool:
        """Tell whether the table holds this version of the file; not so if nobody knows what a failed run left."""
        request = self._request
        return version == request.cursor and not request.failed_before and request.existing() is not None

    def _tabs(self) -> list[Tab]:
        if self._known_tabs is None:
            self._known_tabs = read_tabs(self._client.spreadsheet(self._options.spreadsheet_id, METADATA_FIELDS))
        return self._known_tabs

    def _read_whole(self, gid: int) -> tuple[Tab, SheetTable]:
        """Read the tab block by block, and again if rows came or went meanwhile: one would be missing or doubled."""
        for _ in range(READINGS):
            tab = tab_by_gid(self._tabs(), gid, "source")
            try:
                return tab, self._read_blocks(tab)
            except RangeGone:
                self._known_tabs = None
            except StillLoading as cell:
                raise Unavailable(
                    f"tab {tab.title!r}, cell {cell}: expected a value, got one that the sheet is still computing;"
                    " it is tried again"
                ) from None
        raise Unavailable(
            f"{self._options.url}: expected its rows to stay in place for one reading, got {READINGS} readings in which"
            " rows came or went; it is tried again"
        )

    def _read_blocks(self, tab: Tab) -> SheetTable:
        options = self._options
        table = SheetTable(options.header_row and options.header_row - 1, options.header_rows, tab.merges)
        blocks = Blocks(tab.rows, tab.columns)
        while blocks:
            stop.check()
            sheet = self._client.cells(options.spreadsheet_id, tab.a1(blocks.top, blocks.bottom), CELL_FIELDS)
            if sheet["properties"]["gridProperties"]["rowCount"] != tab.rows:
                raise RangeGone(tab.title)
            for row, values in enumerate(sheet["data"][0].get("rowData", ()), blocks.top):
                table.add(row, read_row(values.get("values", ())))
            table.staged.pack()
            blocks.advance(self._client.received_bytes)
        return table

    def _nothing(self, tab: Tab, batch: pa.RecordBatch | None) -> pa.RecordBatch:
        if batch is None:
            raise ConfigurationError(
                f"tab {tab.title!r}: expected column names in its first row, got an empty tab and no table yet;"
                " write them, or give a custom_schema"
            )
        self._request.warn(f"tab {tab.title!r}: expected rows, got an empty tab; it is loaded as no rows")
        return batch
