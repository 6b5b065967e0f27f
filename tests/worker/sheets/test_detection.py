"""Whatever a sheet holds, a load loses no value and shifts no column."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.sheets.block import Block, spans, unclear_columns
from worker.sheets.cells import scalar
from worker.sheets.schema import detect
from worker.sheets.table import SheetTable

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - the wall clock of the sheet
DAY = timedelta(days=1)


def milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


VALUES: list[st.SearchStrategy[Any]] = [
    st.booleans(),
    st.integers(1 - 2**53, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), min_size=1),
    st.dates(),
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23)).map(milliseconds),  # noqa: DTZ001
    st.times().map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)),
    st.integers(-(10**11), 10**11).map(lambda whole: timedelta(milliseconds=whole)),
]


@st.composite
def grids(draw: st.DrawFn) -> list[list[Any]]:
    """Draw rows of columns that each mix one to three kinds of values and empty cells."""
    kinds = draw(st.lists(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3), min_size=1, max_size=5))
    height = draw(st.integers(0, 12))
    return [[draw(st.one_of(st.none(), *kind)) for kind in kinds] for _ in range(height)]


def as_cell(value: object) -> dict[str, Any]:
    """Write a value as Google's API does."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"effectiveValue": {"boolValue": value}}
    if isinstance(value, (int, float)):
        return {"effectiveValue": {"numberValue": value}}
    if isinstance(value, str):
        return {"effectiveValue": {"stringValue": value}}
    serial, form, pattern = as_serial(value)
    number_format = {"type": form, "pattern": pattern}
    return {"effectiveValue": {"numberValue": serial}, "effectiveFormat": {"numberFormat": number_format}}


def as_serial(value: object) -> tuple[float, str, str]:
    if isinstance(value, datetime):
        return (value - EPOCH) / DAY, "DATE_TIME", "yyyy-mm-dd h:mm"
    if isinstance(value, date):
        return (value - EPOCH.date()).days, "DATE", "d.m.yy"
    if isinstance(value, time):
        return (datetime.combine(EPOCH, value) - EPOCH) / DAY, "TIME", "h:mm"
    assert isinstance(value, timedelta)
    return value / DAY, "TIME", "[h]:mm:ss"


def as_text(value: object) -> str:
    """Say how a value reads in a column of text."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, timedelta):
        seconds, rest = divmod(abs(value) // timedelta(milliseconds=1), 1000)
        sign = "-" if value < timedelta() else ""
        text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"{text}.{rest:03}" if rest else text
    if isinstance(value, (datetime, time)):
        spec = "milliseconds" if value.microsecond else "seconds"
        return value.isoformat(" ", spec) if isinstance(value, datetime) else value.isoformat(spec)
    return str(value)


def is_same(loaded: object, value: object, arrow_type: pa.DataType) -> bool:
    """Tell whether the loaded value is the written one, in a column of this type."""
    if value is None:
        return loaded is None
    if arrow_type == pa.utf8():
        return loaded == as_text(value)
    if isinstance(value, timedelta):
        return loaded == value / timedelta(seconds=1)
    if isinstance(loaded, datetime) and not isinstance(value, datetime):
        return isinstance(value, date) and loaded == datetime.combine(value, time())
    return loaded == value and isinstance(loaded, bool) == isinstance(value, bool)


def loaded_table(rows: list[list[Any]], batch_size: int, *, rows_per_block: int, at_once: bool) -> pa.Table:
    """Load rows below a header, the first column of which numbers them."""
    table = SheetTable(None, 1, ())
    width = max(map(len, rows), default=0)
    written = [[f"h{index}" for index in range(width + 1)], *([number, *row] for number, row in enumerate(rows, 1))]
    for top in range(0, len(written), rows_per_block):
        cells = [without_empty_end([as_cell(value) for value in row]) for row in written[top : top + rows_per_block]]
        whole = {"rowData": [{"values": row} for row in cells]}
        values = [[scalar(cell) for cell in row] for row in cells]
        table.add(Block.of_cells(top, whole) if at_once else Block.of_values(top, values, formats_where_needed(cells)))
        table.staged.pack()
    conversion = detect(table, None, UTC, lambda _: None)
    return pa.Table.from_batches(conversion.batches(batch_size))


def without_empty_end(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what Google leaves out."""
    filled = [index for index, cell in enumerate(cells) if cell]
    return cells[: filled[-1] + 1] if filled else []


def formats_where_needed(cells: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Answer as Google does when asked for the formats of those columns that have dates or times."""
    values = [[scalar(cell) for cell in row] for row in cells]
    dates_as_text = [["1 May" if "effectiveFormat" in cell else scalar(cell) for cell in row] for row in cells]
    return [
        {
            "startColumn": left,
            "rowData": [{"values": [without_value(cell) for cell in row[left:right]]} for row in cells],
        }
        for left, right in spans(unclear_columns(values, dates_as_text))
    ]


def without_value(cell: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in cell.items() if name != "effectiveValue"}


@given(grids(), st.integers(1, 7), st.integers(1, 7), st.booleans())
@settings(deadline=None)
def test_no_value_is_lost_and_no_column_shifts(
    rows: list[list[Any]], batch_size: int, rows_per_block: int, at_once: bool
) -> None:
    loaded = loaded_table(rows, batch_size, rows_per_block=rows_per_block, at_once=at_once)
    assert loaded.column_names == [f"h{index}" for index in range(loaded.num_columns)]
    assert loaded["h0"].to_pylist() == list(range(1, len(rows) + 1))
    for index, column in enumerate(zip(*rows, strict=True), start=1):
        name = f"h{index}"
        arrow_type = loaded.schema.field(name).type
        for value, got in zip(column, loaded[name].to_pylist(), strict=True):
            assert is_same(got, value, arrow_type), (value, got, arrow_type)


@given(st.lists(st.sampled_from(VALUES[:3]).flatmap(lambda kind: kind), min_size=1))
@settings(deadline=None)
def test_type_does_not_depend_on_the_order_of_rows(column: list[Any]) -> None:
    forwards = loaded_table([[value] for value in column], 100, rows_per_block=9, at_once=True)
    backwards = loaded_table([[value] for value in reversed(column)], 100, rows_per_block=9, at_once=False)
    assert forwards.schema == backwards.schema
