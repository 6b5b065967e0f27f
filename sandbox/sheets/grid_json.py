"""Cells as JSON, fast: one template per kind of cell, filled in per cell.

A field mask is applied to one specimen of each kind instead of to a million cells.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.sheets.cells import Cell, ErrorValue
from sandbox.sheets.number_format import is_temporal, shown
from sandbox.streamed_json import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sandbox.field_mask import FieldMask
    from sandbox.sheets.a1 import Area
    from sandbox.sheets.cells import NumberFormat, Stored

_BLOCK_ROWS = 500
_VALUE, _TEXT, _FORMULA = "\0value", "\0text", "\0formula"
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Shape(NamedTuple):
    """What decides how a cell is written, apart from its value."""

    value_type: type
    number_format: NumberFormat | None = None
    computed: bool = False


class Template(NamedTuple):
    """The JSON of a shape: what stands before and after the value, or, where more varies, a text with `%(names)s`."""

    before: str
    after: str
    varied: str | None


class CellTemplates:
    """Writes cells as `CellData`, with the parts that a mask wants."""

    def __init__(self, mask: FieldMask) -> None:
        self._mask = mask
        self._template = cache(self._new_template)

    def row(self, cells: Sequence[Stored]) -> str:
        """Return one `RowData`."""
        encoded = [self.cell(cell) for cell in cells]
        return f'{{"values":[{",".join(encoded)}]}}' if encoded else "{}"

    def cell(self, cell: Stored) -> str:
        """Return one `CellData`."""
        if cell is None:
            return "{}"
        if isinstance(cell, Cell):
            value: Any = cell.value
            template = self._template(Shape(type(value), cell.number_format, cell.formula is not None))
        else:
            value = cell
            template = self._template(Shape(type(value)))
        value_json = _VALUE_JSON[type(value)](value)
        if template.varied is None:
            return f"{template.before}{value_json}{template.after}"
        formula = cell.formula if isinstance(cell, Cell) else None
        return template.varied % {"value": value_json, "text": _dumps(shown(cell)), "formula": _dumps(formula)}

    def _new_template(self, shape: Shape) -> Template:
        wanted = _dumps(self._mask.select(_specimen(shape)))
        marks = {name: _dumps(mark) for name, mark in (("value", _VALUE), ("text", _TEXT), ("formula", _FORMULA))}
        if wanted.count(marks["value"]) == 1 and marks["text"] not in wanted and marks["formula"] not in wanted:
            before, _, after = wanted.partition(marks["value"])
            return Template(before, after, None)
        varied = wanted.replace("%", "%%")
        for name, mark in marks.items():
            varied = varied.replace(mark, f"%({name})s")
        return Template("", "", varied)


def row_data(cells: list[list[Stored]], area: Area, mask: FieldMask) -> Rows:
    """Return the `RowData` of an area, without the empty rows and cells at its ends."""
    templates = CellTemplates(mask)
    return _rows(cells, area, lambda rows: ",".join(map(templates.row, rows)))


def value_rows(cells: list[list[Stored]], area: Area, render: Callable[[Stored], Any]) -> Rows:
    """Return the rows of values of an area; an empty cell among them is an empty string."""
    return _rows(cells, area, lambda rows: _dumps([[render(cell) for cell in row] for row in rows])[1:-1])


def value_columns(cells: list[list[Stored]], area: Area, render: Callable[[Stored], Any]) -> list[list[Any]]:
    """Return the columns of values of an area, without what is empty at their ends."""
    rows = _trimmed_rows(cells, area)
    width = max(map(len, rows), default=0)
    columns = [[row[column] if column < len(row) else None for row in rows] for column in range(width)]
    return [[render(cell) for cell in _trimmed(column)] for column in columns]


def unformatted(cell: Stored) -> Any:  # noqa: ANN401  a JSON value
    """Render for UNFORMATTED_VALUE with SERIAL_NUMBER."""
    value = cell.value if isinstance(cell, Cell) else cell
    if value is None:
        return ""
    return value.text if isinstance(value, ErrorValue) else value


def unformatted_but_dates(cell: Stored) -> Any:  # noqa: ANN401  a JSON value
    """Render for UNFORMATTED_VALUE with FORMATTED_STRING."""
    if isinstance(cell, Cell) and is_temporal(cell.number_format) and not isinstance(cell.value, str):
        return shown(cell)
    return unformatted(cell)


def formula(cell: Stored) -> Any:  # noqa: ANN401  a JSON value
    """Render for FORMULA."""
    if isinstance(cell, Cell) and cell.formula is not None:
        return cell.formula
    return unformatted(cell)


def _rows(cells: list[list[Stored]], area: Area, encode: Callable[[list[list[Stored]]], str]) -> Rows:
    rows = _trimmed_rows(cells, area)

    def blocks() -> Iterator[str]:
        for start in range(0, len(rows), _BLOCK_ROWS):
            yield encode(rows[start : start + _BLOCK_ROWS])

    return Rows(blocks)


def _trimmed_rows(cells: list[list[Stored]], area: Area) -> list[list[Stored]]:
    rows = [_trimmed(row[area.left : area.right]) for row in cells[area.top : area.bottom]]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _trimmed(row: list[Stored]) -> list[Stored]:
    end = len(row)
    while end and row[end - 1] is None:
        end -= 1
    return row if end == len(row) else row[:end]


_KINDS = {
    bool: "boolValue",
    int: "numberValue",
    float: "numberValue",
    str: "stringValue",
    ErrorValue: "errorValue",
}
# Several times as fast as an encoder that looks for the type itself.
_VALUE_JSON: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: float.__repr__,
    str: json.encoder.encode_basestring,
    ErrorValue: lambda error: _dumps({"type": error.type, "message": error.message}),
}


def _specimen(shape: Shape) -> dict[str, Any]:
    """Return a whole `CellData` of this shape, with marks where a cell's own content goes."""
    value = {_KINDS[shape.value_type]: _VALUE}
    entered = {"formulaValue": _FORMULA} if shape.computed else value
    specimen: dict[str, Any] = {"userEnteredValue": entered, "effectiveValue": value, "formattedValue": _TEXT}
    if shape.number_format is not None:
        number_format = {"type": shape.number_format.type, "pattern": shape.number_format.pattern}
        specimen["userEnteredFormat"] = {"numberFormat": number_format}
        specimen["effectiveFormat"] = {"numberFormat": number_format}
    return specimen
