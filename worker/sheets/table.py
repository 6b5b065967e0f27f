"""The rows of a tab as a table: where the header is, what is above it, what the columns are called, what is below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.sheets.cells import Kind, shown
from worker.sheets.headers import Merge, address, flatten, header_end, name_columns, spread
from worker.sheets.staging import StagedColumn, Staging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.sheets.block import Block
    from worker.sheets.cells import Cell

_SLICE = 10_000
"""Cells that are looked at one by one are held only so many at a time."""


@dataclass(frozen=True, slots=True)
class NamedColumn:
    """A column of the table: its name, where it is in the sheet (zero-based), its cells."""

    name: str
    header: str
    index: int
    cells: StagedColumn


class SheetTable:
    """Takes the rows of a tab from top to bottom and tells header from data.

    The header begins at `header_row` (zero-based), or at the first row that is not empty. Rows above it and empty rows
    are left out; a row with an error and nothing else is not empty.
    """

    def __init__(self, header_row: int | None, header_rows: int, merges: Sequence[Merge]) -> None:
        self._header_rows = header_rows
        self._merges = merges
        self._rows = None if header_row is None else self._rows_of_header(header_row)
        self._headers: dict[tuple[int, int], str] = {}
        self.staged = Staging()

    def add(self, block: Block) -> None:
        """Take the next rows.

        Raises:
            StillLoading: a cell's formula has no result yet.
        """
        rows = [row for row in block.filled_rows() if self._is_below_header(row, block)]
        self.staged.extend(rows, block.columns(rows))

    def columns(self) -> list[NamedColumn]:
        """Return the columns that have a header or a value."""
        headers = self._flat_headers()
        width = max(len(headers), len(self.staged.columns))
        headers += [""] * (width - len(headers))
        rows = len(self.staged)
        cells = [*self.staged.columns, *(StagedColumn(rows) for _ in range(len(self.staged.columns), width))]
        names = name_columns(headers, [any(column.kinds) for column in cells])
        numbered = enumerate(zip(names, headers, cells, strict=True))
        return [NamedColumn(name, header, index, column) for index, (name, header, column) in numbered if name]

    def address(self, column: NamedColumn, index: int) -> str:
        """Return where in the sheet the staged cell `index` of a column is."""
        return address(self.staged.rows[index], column.index)

    def _is_below_header(self, row: int, block: Block) -> bool:
        """Take a row that belongs to the header, and tell whether it comes after that."""
        if self._rows is None:
            self._rows = self._rows_of_header(row)
        if row in self._rows:
            self._headers |= {(row, index): _header_text(cell) for index, cell in enumerate(block.cells(row))}
        return row >= self._rows.stop

    def _rows_of_header(self, top: int) -> range:
        return range(top, header_end(top, self._header_rows, self._merges))

    def _flat_headers(self) -> list[str]:
        rows = self._rows or range(0)
        texts = spread(self._headers, (merge for merge in self._merges if merge.top in rows))
        width = 1 + max((index for _, index in texts), default=-1)
        return [flatten(texts.get((row, index), "") for row in rows) for index in range(width)]


def errors_among(cells: StagedColumn) -> Iterator[tuple[int, str]]:
    """Yield the place and the text of every error of a column."""
    length = len(cells.kinds)
    for start in range(0, length, _SLICE):
        stop = min(start + _SLICE, length)
        if cells.kinds.find(Kind.ERROR, start, stop) >= 0:
            found = enumerate(cells.cells(start, stop), start)
            yield from ((index, text) for index, (kind, _, text) in found if kind is Kind.ERROR)


def _header_text(cell: Cell) -> str:
    return "" if cell[0] is Kind.ERROR else shown(cell)
