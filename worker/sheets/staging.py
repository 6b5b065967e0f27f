"""Cells of a whole sheet in little memory, by column: a byte for the kind, a double for the number, Arrow for the text.

A first pass over the blocks fills it; then types are decided; then slices become batches.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from worker.sheets.cells import EMPTY, Cell, Kind, read_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

_WITH_TEXT = (Kind.TEXT, Kind.ERROR)


class StagedColumn:
    """The cells of one column, in the order of the staged rows."""

    __slots__ = ("_chunks", "_pending", "kinds", "numbers")

    def __init__(self, length: int = 0) -> None:
        """Begin with so many empty cells."""
        self.kinds = bytearray(length)
        self.numbers = array("d", bytes(8 * length))
        self._pending: list[str] = []
        self._chunks: list[pa.Array[Any]] = []

    def append(self, cell: Cell) -> None:
        """Add a cell below."""
        kind, number, text = cell
        self.kinds.append(kind)
        self.numbers.append(number)
        if text:
            self._pending.append(text)

    def pack(self) -> None:
        """Turn the texts that came since the last time into Arrow, which takes a fraction of the memory."""
        if self._pending:
            import pyarrow as pa

            self._chunks.append(pa.array(self._pending, pa.large_string()))
            self._pending = []

    def texts(self, start: int, stop: int) -> pa.ChunkedArray[Any]:
        """Return the texts of those cells from `start` to `stop` that have one."""
        import pyarrow as pa

        self.pack()
        before, length = self._texts_among(0, start), self._texts_among(start, stop)
        return pa.chunked_array(self._chunks, pa.large_string()).slice(before, length)

    def cells(self, start: int, stop: int) -> Iterator[Cell]:
        """Yield cells one by one, which is slow."""
        texts: Iterator[Any] = iter(self.texts(start, stop).to_pylist())
        for index in range(start, stop):
            kind = Kind(self.kinds[index])
            yield kind, self.numbers[index], next(texts) if kind in _WITH_TEXT else ""

    def cell(self, index: int) -> Cell:
        """Return one cell, slowly."""
        return next(self.cells(index, index + 1))

    def kinds_present(self) -> set[Kind]:
        """Return every kind of which there is a cell."""
        return {kind for kind in Kind if kind in self.kinds}

    def _texts_among(self, start: int, stop: int) -> int:
        return sum(self.kinds.count(kind, start, stop) for kind in _WITH_TEXT)


class Staging:
    """Rows that have a value, and where in the sheet they stand."""

    def __init__(self) -> None:
        self.columns: list[StagedColumn] = []
        self.rows = array("q")
        """Zero-based place in the sheet of each staged row."""

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, row: int, cells: Sequence[Cell]) -> None:
        """Add a row of the sheet, as wide as it is."""
        while len(self.columns) < len(cells):
            self.columns.append(StagedColumn(len(self.rows)))
        for index, column in enumerate(self.columns):
            column.append(cells[index] if index < len(cells) else EMPTY)
        self.rows.append(row)

    def pack(self) -> None:
        """Make what was added since the last time small."""
        for column in self.columns:
            column.pack()


def read_row(values: Sequence[dict[str, Any]]) -> list[Cell]:
    """Return the cells of a `RowData`, without the empty ones at its end; none at all if the row is empty."""
    cells = [read_cell(value) for value in values]
    while cells and cells[-1][0] is Kind.EMPTY:
        cells.pop()
    return cells
