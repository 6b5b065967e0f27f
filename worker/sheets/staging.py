"""Cells of a whole sheet in little memory, by column: a byte for the kind, a double for the number, Arrow for the text.

A first pass over the blocks fills it; then types are decided; then slices become batches.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from worker.lean_arrow import spare_pandas
from worker.sheets.cells import EXACT_INTEGERS, Kind, number_kind, read_cell, says_more

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from worker.sheets.cells import Cell, CellData, Scalar

_WITH_TEXT = (Kind.TEXT, Kind.ERROR)
_PLAIN_KIND: dict[type, Callable[[Any], Kind]] = {
    str: lambda text: Kind.TEXT if text else Kind.EMPTY,
    bool: lambda _: Kind.BOOL,
    int: number_kind,
    float: number_kind,
}
_WHOLE_OR_NOT = bytes.maketrans(b"\0\1", bytes([Kind.NUMBER, Kind.INTEGER]))


class StagedColumn:
    """The cells of one column, in the order of the staged rows."""

    __slots__ = ("_chunks", "_pending", "kinds", "numbers")

    def __init__(self, length: int = 0) -> None:
        """Begin with so many empty cells."""
        self.kinds = bytearray(length)
        self.numbers = array("d", bytes(8 * length))
        self._pending: list[str] = []
        self._chunks: list[pa.Array[Any]] = []

    def extend(self, values: Sequence[Scalar], cells: Sequence[CellData]) -> None:
        """Add cells below: their values, and what else is known of each."""
        if any(cells) and any(map(says_more, cells)):
            for value, cell in zip(values, cells, strict=True):
                self._append(*read_cell(value, cell))
        else:
            self._extend_plain(values)

    def pad(self, length: int) -> None:
        """Add empty cells until there are so many in all."""
        missing = length - len(self.kinds)
        self.kinds.extend(bytes(missing))
        self.numbers.frombytes(bytes(8 * missing))

    def pack(self) -> None:
        """Turn the texts that came since the last time into Arrow, which takes a fraction of the memory."""
        if self._pending:
            spare_pandas()
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

    def _append(self, kind: Kind, number: float, text: str) -> None:
        self.kinds.append(kind)
        self.numbers.append(number)
        if text:
            self._pending.append(text)

    def _extend_plain(self, values: Sequence[Any]) -> None:
        """Do the same for cells of which no more is known: most of a large sheet, so it is done by the column."""
        kinds = _plain_kinds(values)
        self.kinds.extend(kinds)
        if Kind.TEXT not in kinds and Kind.EMPTY not in kinds:
            self.numbers.extend(values)
            return
        self._pending.extend([value for value in values if value and isinstance(value, str)])
        self.numbers.extend([0.0 if isinstance(value, str) else value for value in values])

    def _texts_among(self, start: int, stop: int) -> int:
        return sum(self.kinds.count(kind, start, stop) for kind in _WITH_TEXT)


def _plain_kinds(values: Sequence[Any]) -> bytes:
    """Return the kind of each value, without a look at each where all are of one type."""
    types = set(map(type, values))
    if types <= {int, float} and values and max(values) < EXACT_INTEGERS > -min(values):
        return bytes(map(float.is_integer, map(float, values))).translate(_WHOLE_OR_NOT)
    if types == {str} and "" not in values:
        return bytes([Kind.TEXT]) * len(values)
    return bytes(_PLAIN_KIND[type(value)](value) for value in values)


class Staging:
    """Rows that have a value, and where in the sheet they stand."""

    def __init__(self) -> None:
        self.columns: list[StagedColumn] = []
        self.rows = array("q")
        """Zero-based place in the sheet of each staged row."""

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, rows: Sequence[int], columns: Sequence[tuple[Sequence[Scalar], Sequence[CellData]]]) -> None:
        """Add rows of the sheet, as columns of values and of what else is known of each cell."""
        while len(self.columns) < len(columns):
            self.columns.append(StagedColumn(len(self.rows)))
        self.rows.extend(rows)
        for column, (values, cells) in zip(self.columns, columns, strict=False):
            column.extend(values, cells)
        for column in self.columns:
            column.pad(len(self.rows))

    def pack(self) -> None:
        """Make what was added since the last time small."""
        for column in self.columns:
            column.pack()
