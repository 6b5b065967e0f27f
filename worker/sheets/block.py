"""Some rows of a tab as they came: their values, and for some columns what else is known (errors, number formats)."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from worker.sheets.cells import ERROR_TEXTS, LOADING, Kind, read_cell, scalar
from worker.sheets.headers import address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.sheets.cells import Cell, CellData, Scalar

    Rows = Sequence[Sequence[Scalar]]
    Column = tuple[Sequence[Scalar], Sequence[CellData]]

MOST_SPANS = 50
"""Each is a range in a URL, which has room for some kilobytes."""

_NOTHING: CellData = {}


class StillLoading(Exception):  # noqa: N818 - it names the fault
    """The sheet had not computed a cell yet; the text is its address."""


class Block:
    """Rows from `top` (zero-based) downwards; what is empty at the end of a row, or of all rows, may be missing."""

    def __init__(self, top: int, values: Rows, known: Mapping[int, Sequence[CellData]]) -> None:
        """Keep rows of values, and by column what else is known of the cells in these rows."""
        self._top = top
        self._values = values
        self._known = known

    @classmethod
    def of_cells(cls, top: int, grid: dict[str, Any]) -> Block:
        """Take all from one `GridData` of whole cells."""
        rows = _rows(grid)
        return cls(top, [[scalar(cell) for cell in row] for row in rows], _by_column([grid]))

    @classmethod
    def of_values(cls, top: int, values: Rows, grids: Sequence[dict[str, Any]]) -> Block:
        """Take values from `spreadsheets.values`, and the rest from the `GridData` of the unclear columns."""
        return cls(top, values, _by_column(grids))

    def filled_rows(self) -> Iterator[int]:
        """Yield every row (counted in the sheet, from 0) that has a value or an error.

        Raises:
            StillLoading: a cell's formula has no result yet.
        """
        self._refuse_loading()
        for row, values in enumerate(self._values, self._top):
            if values.count("") < len(values):
                yield row

    def cells(self, row: int) -> list[Cell]:
        """Return the cells of a row."""
        return [read_cell(value, cell) for (value,), (cell,) in self.columns([row])]

    def columns(self, rows: Sequence[int]) -> list[Column]:
        """Return the columns of these rows."""
        places = [row - self._top for row in rows]
        columns = enumerate(zip_longest(*(self._values[place] for place in places), fillvalue=""))
        return [(values, self._known_of(index, places)) for index, values in columns]

    def _known_of(self, column: int, places: Sequence[int]) -> Sequence[CellData]:
        cells = self._known.get(column, ())
        return [cells[place] if place < len(cells) else _NOTHING for place in places]

    def _refuse_loading(self) -> None:
        for row, values in enumerate(self._values, self._top):
            if LOADING in values:
                for column, cell in enumerate(self.cells(row)):
                    if cell == (Kind.ERROR, 0.0, LOADING):
                        raise StillLoading(address(row, column))


def unclear_columns(values: Rows, with_dates_as_text: Rows) -> list[int]:
    """Return the columns of which the values do not say enough.

    Those are the ones with a number that is shown as a date or time, and those with a text that reads like an error.
    """
    unclear: set[int] = set()
    for row, texts in zip_longest(values, with_dates_as_text, fillvalue=()):
        if row != texts:
            unclear.update(index for index, (a, b) in enumerate(zip_longest(row, texts)) if a != b)
        if not ERROR_TEXTS.isdisjoint(row):
            unclear.update(index for index, value in enumerate(row) if value in ERROR_TEXTS)
    return sorted(unclear)


def spans(columns: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of neighbouring columns, the ends exclusive; one that holds them all, if there were too many."""
    found: list[tuple[int, int]] = []
    for column in columns:
        if found and found[-1][1] == column:
            found[-1] = found[-1][0], column + 1
        else:
            found.append((column, column + 1))
    return found if len(found) <= MOST_SPANS else [(found[0][0], found[-1][1])]


def _by_column(grids: Sequence[dict[str, Any]]) -> dict[int, Sequence[CellData]]:
    return {
        column: cells
        for grid in grids
        for column, cells in enumerate(zip_longest(*_rows(grid), fillvalue=_NOTHING), grid.get("startColumn", 0))
    }


def _rows(grid: dict[str, Any]) -> list[list[CellData]]:
    return [row.get("values", []) for row in grid.get("rowData", ())]
