"""Reading the cells of a tab: a small one in one request, a large one in blocks of rows."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

from worker import stop
from worker.errors import Unavailable
from worker.sheets.block import Block, StillLoading, spans, unclear_columns
from worker.sheets.blocks import Blocks
from worker.sheets.faults import RangeGone
from worker.sheets.table import SheetTable
from worker.sheets.tabs import METADATA_FIELDS, Tab, read_tabs, tab_by_gid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.contract.options.google_sheet import Options
    from worker.sheets.wire import SheetsClient

READINGS = 3
"""How often a tab is read because its rows moved meanwhile."""
SMALL_TAB_CELLS = 32_000
"""At some 60 bytes each: Google recommends answers of at most 2 MB, and a new tab has 26,000 cells."""
_CELLS = "sheets(data(startColumn,rowData(values({}))))"
WHOLE_CELLS = _CELLS.format("effectiveValue,effectiveFormat(numberFormat)")
ERRORS_AND_FORMATS = _CELLS.format("effectiveValue(errorValue),effectiveFormat(numberFormat)")


class Reader:
    """Reads tabs of one spreadsheet."""

    def __init__(self, client: SheetsClient, options: Options) -> None:
        """Ask nothing yet."""
        self._client = client
        self._options = options
        self._tabs: list[Tab] | None = None

    def tabs(self) -> list[Tab]:
        """Return the tabs that have cells, as they were when first asked for."""
        if self._tabs is None:
            self._tabs = read_tabs(self._client.spreadsheet(self._options.spreadsheet_id, METADATA_FIELDS))
        return self._tabs

    def read(self, gid: int) -> tuple[Tab, SheetTable]:
        """Read a tab whole, and again if rows came or went meanwhile: else one could be missing or doubled.

        Raises:
            ConfigurationError: the tab is not there any more.
            Unavailable: it does not hold still, or has not computed its cells yet.
        """
        for _ in range(READINGS):
            tab = tab_by_gid(self.tabs(), gid, "source")
            try:
                return tab, self._read_tab(tab)
            except RangeGone:
                self._tabs = None
            except StillLoading as cell:
                raise Unavailable(
                    f"tab {tab.title!r}, cell {cell}: expected a value, got one that the sheet is still computing;"
                    " it is tried again"
                ) from None
        raise Unavailable(
            f"{self._options.url}: expected its rows to stay in place for one reading, got {READINGS} readings in which"
            " rows came or went; it is tried again"
        )

    def _read_tab(self, tab: Tab) -> SheetTable:
        options = self._options
        table = SheetTable(options.header_row and options.header_row - 1, options.header_rows, tab.merges)
        if tab.rows * tab.columns <= SMALL_TAB_CELLS:
            table.add(self._small(tab))
            return table
        blocks = Blocks(tab.rows, tab.columns)
        while blocks:
            stop.check()
            with _without_collection():
                block, size = self._part(tab, blocks.top, blocks.bottom)
                table.add(block)
                table.staged.pack()
            blocks.advance(size)
        self._refuse_moved(tab)
        return table

    def _small(self, tab: Tab) -> Block:
        """Return all rows in one request, as they were at one instant."""
        grids = self._client.grids(self._options.spreadsheet_id, [tab.a1(0, tab.rows)], WHOLE_CELLS)
        return Block.of_cells(0, grids[0] if grids else {})

    def _part(self, tab: Tab, top: int, bottom: int) -> tuple[Block, int]:
        """Return some rows and the size of the largest answer, in bytes.

        Whole cells weigh eight times as much as values, so of most columns only these are read. They come first:
        a date that is typed into an empty cell meanwhile is then missing, and not a number without its format.
        """
        file, rows = self._options.spreadsheet_id, tab.a1(top, bottom)
        values = self._client.values(file, rows)
        size = self._client.received_bytes
        unclear = unclear_columns(values, self._client.values(file, rows, dates="FORMATTED_STRING"))
        ranges = [tab.a1(top, bottom, *span) for span in spans(unclear)]
        grids = self._client.grids(file, ranges, ERRORS_AND_FORMATS) if ranges else []
        return Block.of_values(top, values, grids), max(size, self._client.received_bytes)

    def _refuse_moved(self, tab: Tab) -> None:
        """Raise `RangeGone` if rows came or went since the tab was looked up."""
        self._tabs = None
        if tab_by_gid(self.tabs(), tab.gid, "source").rows != tab.rows:
            raise RangeGone(tab.title)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Do not look for cycles: a block is many thousand objects without any, and looking costs more than reading."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
