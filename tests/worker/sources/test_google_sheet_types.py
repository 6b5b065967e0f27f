"""Which types the columns get: detected from all cells, kept from the table, or prescribed by a schema."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sandbox.sheets import CURRENCY, PERCENT, TEXT, TIME, Cell, ErrorValue, NumberFormat, Spreadsheet, Tab
from tests.support.sheet_loads import Loaded, load_sheet
from worker.contract.custom_schema import Column, ColumnType
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from sandbox.server import Sandbox

NOON = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001 - the wall clock of the sheet
TIMESTAMP = pa.timestamp("us", tz="UTC")


def load_column(sandbox: Sandbox, *cells: Any, zone: str = "America/New_York", **request: Any) -> Loaded:  # noqa: ANN401
    """Load a sheet of one column `x`, and an `id` that keeps its empty cells."""
    rows = [["id", "x"], *([number, cell] for number, cell in enumerate(cells))]
    sheet = sandbox.sheets.add(Spreadsheet("types", tabs=[Tab("Sheet1", rows)], time_zone=zone))
    return load_sheet(sheet, request)


def the_table_has(arrow_type: pa.DataType) -> dict[str, Any]:
    return {"existing": lambda: pa.schema([pa.field("id", pa.int64()), pa.field("X", arrow_type)])}


def prescribed(column_type: str, mode: str = "NULLABLE") -> dict[str, Any]:
    x = Column.model_validate({"name": "x", "type": column_type, "mode": mode})
    return {"custom_schema": [Column(name="id", type=ColumnType.INT64), x]}


@pytest.mark.parametrize(
    ("cells", "arrow_type", "values"),
    [
        ([1, None, -3], "int64", [1, None, -3]),
        ([1, 2.5], "double", [1.0, 2.5]),
        ([2.0**53], "double", [2.0**53]),
        ([Cell(0.25, PERCENT), Cell(1, PERCENT)], "double", [0.25, 1.0]),
        ([Cell(19.99, CURRENCY)], "double", [19.99]),
        ([True, False], "bool", [True, False]),
        (["0012", "+49 30", " x "], "string", ["0012", "+49 30", " x "]),
        ([Cell("0012", TEXT)], "string", ["0012"]),
        ([None, date(2026, 3, 1)], "date32[day]", [None, date(2026, 3, 1)]),
        ([date(1, 1, 1), date(9999, 12, 31)], "date32[day]", [date(1, 1, 1), date(9999, 12, 31)]),
        ([NOON], "timestamp[us]", [NOON]),
        ([datetime(2026, 3, 1, tzinfo=UTC)], "timestamp[us]", [datetime(2026, 2, 28, 19)]),  # noqa: DTZ001
        ([date(2026, 3, 1), NOON], "timestamp[us]", [datetime(2026, 3, 1), NOON]),  # noqa: DTZ001
        ([time(23, 59, 59, 999000)], "time64[us]", [time(23, 59, 59, 999000)]),
        ([timedelta(hours=30), timedelta(minutes=-1)], "double", [108_000.0, -60.0]),
        ([1, "n/a"], "string", ["1", "n/a"]),
        ([True, 1, 1.5, "x"], "string", ["TRUE", "1", "1.5", "x"]),
        ([NOON, time(9), date(2026, 3, 1)], "string", ["2026-03-01 12:30:00", "09:00:00", "2026-03-01"]),
        ([timedelta(hours=30, milliseconds=5), 1], "string", ["30:00:00.005", "1"]),
        ([None, None], "string", [None, None]),
    ],
)
def test_type_is_detected_from_all_cells(
    sandbox: Sandbox, cells: list[Any], arrow_type: str, values: list[Any]
) -> None:
    loaded = load_column(sandbox, *cells)
    assert loaded.types["x"] == arrow_type
    assert loaded.table["x"].to_pylist() == values


def test_type_does_not_hang_on_the_first_cells(sandbox: Sandbox) -> None:
    loaded = load_column(sandbox, *[1] * 1500, "twelve")
    assert loaded.table["x"].to_pylist()[-2:] == ["1", "twelve"]


def test_date_format_that_hides_a_time_hides_no_value(sandbox: Sandbox) -> None:
    day = NumberFormat("DATE", "yyyy-mm-dd")
    assert load_column(sandbox, Cell(46_082.520833333336, day)).table["x"].to_pylist() == [NOON]


def test_time_format_that_hides_a_date_hides_no_value(sandbox: Sandbox) -> None:
    assert load_column(sandbox, Cell(46_082.520833333336, TIME)).table["x"].to_pylist() == [NOON]


def test_errors_are_null_and_told(sandbox: Sandbox) -> None:
    loaded = load_column(sandbox, 1, ErrorValue("#N/A"), ErrorValue("#DIV/0!"), ErrorValue("#N/A"))
    assert loaded.types["x"] == "int64"
    assert loaded.table["x"].to_pylist() == [1, None, None, None]
    [warning] = loaded.warnings
    assert "column x: expected values, got errors: #N/A in 2 (first B3), #DIV/0! in 1 (first B4);" in warning


def test_text_that_reads_like_an_error_is_text(sandbox: Sandbox) -> None:
    loaded = load_column(sandbox, "#N/A")
    assert (loaded.table["x"].to_pylist(), loaded.warnings) == (["#N/A"], [])


class TestKeepingTheTablesType:
    @pytest.mark.parametrize(
        ("cells", "arrow_type", "values"),
        [
            ([1, 2], pa.float64(), [1.0, 2.0]),
            ([1, 2.5], pa.decimal128(10, 2), [Decimal("1.00"), Decimal("2.50")]),
            ([1, 2.5], pa.utf8(), ["1", "2.5"]),
            (["12", 13], pa.int64(), [12, 13]),
            ([None, None], pa.date32(), [None, None]),
            ([date(2026, 3, 1)], pa.timestamp("us"), [datetime(2026, 3, 1)]),  # noqa: DTZ001
            ([NOON], TIMESTAMP, [datetime(2026, 3, 1, 17, 30, tzinfo=UTC)]),
            (["2026-03-01"], pa.date32(), [date(2026, 3, 1)]),
        ],
    )
    def test_type_stays_where_every_value_fits(
        self, sandbox: Sandbox, cells: list[Any], arrow_type: pa.DataType, values: list[Any]
    ) -> None:
        loaded = load_column(sandbox, *cells, **the_table_has(arrow_type))
        assert loaded.table.schema.field("x").type == arrow_type
        assert loaded.table["x"].to_pylist() == values
        assert loaded.warnings == []

    @pytest.mark.parametrize(
        ("cells", "arrow_type", "becomes", "says"),
        [
            (
                [1, "0012"],
                pa.int64(),
                "string",
                "expected INT64 as in the table, got '0012' in B3; it is read as STRING",
            ),
            ([1, 0.5], pa.int64(), "double", "expected INT64 as in the table, got '0.5' in B3; it is read as FLOAT64"),
            ([0.125], pa.decimal128(9, 2), "double", "expected NUMERIC(9, 2) as in the table, got '0.125' in B2"),
            ([NOON], pa.date32(), "timestamp[us]", "expected DATE as in the table, got '2026-03-01 12:30:00' in B2"),
        ],
    )
    def test_cell_that_changes_the_type_is_told(
        self, sandbox: Sandbox, cells: list[Any], arrow_type: pa.DataType, becomes: str, says: str
    ) -> None:
        loaded = load_column(sandbox, *cells, **the_table_has(arrow_type))
        assert loaded.types["x"] == becomes
        assert says in loaded.warnings[0]

    def test_hour_that_clocks_skipped_is_no_timestamp(self, sandbox: Sandbox) -> None:
        skipped = datetime(2026, 3, 8, 2, 30)  # noqa: DTZ001
        loaded = load_column(sandbox, skipped, **the_table_has(TIMESTAMP))
        assert (loaded.types["x"], loaded.table["x"].to_pylist()) == ("timestamp[us]", [skipped])

    def test_column_is_known_by_the_name_that_the_table_gives_it(self, sandbox: Sandbox) -> None:
        rows: list[list[Any]] = [["Unit price (€)"], [1]]
        sheet = sandbox.sheets.add(Spreadsheet("names", tabs=[Tab("Sheet1", rows)]))
        existing = pa.schema([pa.field("Unit_price", pa.float64())])
        assert load_sheet(sheet, {"existing": lambda: existing}).types == {"Unit price (€)": "double"}

    def test_empty_tab_has_the_tables_columns(self, sandbox: Sandbox) -> None:
        sheet = sandbox.sheets.add(Spreadsheet("empty"))
        loaded = load_sheet(sheet, the_table_has(pa.date32()))
        assert (loaded.types, loaded.rows) == ({"id": "int64", "X": "date32[day]"}, [])
        assert "got an empty tab" in loaded.warnings[0]


class TestCustomSchema:
    @pytest.mark.parametrize(
        ("cell", "column_type", "value"),
        [
            (12, "STRING", "12"),
            ("12", "INTEGER", 12),
            (3, "FLOAT", 3.0),
            (0.1, "NUMERIC", Decimal("0.1")),
            ("1e-30", "BIGNUMERIC", Decimal("1e-30")),
            ("true", "BOOLEAN", True),
            ("2026-03-01", "DATE", date(2026, 3, 1)),
            ("2026-03-01T12:30", "DATETIME", NOON),
            (NOON, "TIMESTAMP", datetime(2026, 3, 1, 17, 30, tzinfo=UTC)),
            ("2026-03-01 12:30:00+01:00", "TIMESTAMP", datetime(2026, 3, 1, 11, 30, tzinfo=UTC)),
            (timedelta(hours=2), "TIME", time(2)),
            (timedelta(hours=2), "INT64", 7200),
            ('{"a": 1}', "JSON", '{"a": 1}'),
        ],
    )
    def test_value_that_fits_gets_the_prescribed_type(
        self, sandbox: Sandbox, cell: object, column_type: str, value: object
    ) -> None:
        assert load_column(sandbox, None, cell, **prescribed(column_type)).table["x"].to_pylist() == [None, value]

    @pytest.mark.parametrize(
        ("cell", "column_type", "says"),
        [
            ("12,5", "INT64", "got '12,5'"),
            ("0012", "INT64", "got '0012'"),
            (0.5, "INT64", "got '0.5'"),
            ("9223372036854775808", "INT64", "it has more digits than 64 bits hold"),
            (0.0000000001, "NUMERIC", "at most 29 digits before and 9 after the point fit"),
            ("0.1000000000000000000001", "FLOAT64", "it has more digits than a double holds"),
            (1, "BOOL", "expected BOOL, got '1'"),
            ("01.03.2026", "DATE", "got '01.03.2026'"),
            ("2026-02-30", "DATE", "got '2026-02-30'"),
            (NOON, "DATE", "got '2026-03-01 12:30:00'"),
            (46_082, "DATE", "got '46082'"),
            (datetime(2026, 3, 8, 2, 30), "TIMESTAMP", "clocks in America/New_York skipped that time"),  # noqa: DTZ001
            (timedelta(hours=24), "TIME", "got '24:00:00'"),
            ("{", "JSON", "got '{'"),
            ("x", "BYTES", "a sheet holds no bytes"),
        ],
    )
    def test_value_that_does_not_fit_is_named_with_column_row_and_cell(
        self, sandbox: Sandbox, cell: object, column_type: str, says: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            load_column(sandbox, None, cell, **prescribed(column_type))
        assert str(caught.value).startswith("column x, row 3 (cell B3): expected ")
        assert says in str(caught.value)
        assert "; correct the cell, or the column in custom_schema" in str(caught.value)

    @pytest.mark.parametrize(("cell", "got"), [(None, "nothing"), (ErrorValue("#N/A"), "'#N/A'")])
    def test_required_column_refuses_cells_without_a_value(self, sandbox: Sandbox, cell: object, got: str) -> None:
        with pytest.raises(ConfigurationError, match=rf"^column x, row 3 \(cell B3\): expected INT64, got {got};"):
            load_column(sandbox, 1, cell, **prescribed("INT64", "REQUIRED"))

    def test_required_column_that_is_full_is_not_nullable(self, sandbox: Sandbox) -> None:
        loaded = load_column(sandbox, 1, 2, **prescribed("INT64", "REQUIRED"))
        assert not loaded.table.schema.field("x").nullable

    def test_columns_come_by_name_in_the_order_of_the_schema(self, sandbox: Sandbox) -> None:
        sheet = sandbox.sheets.add(Spreadsheet("order", tabs=[Tab("Sheet1", [["Unit Price", "id"], [2.5, 1]])]))
        schema = [Column(name="ID", type=ColumnType.INT64), Column(name="unit_price", type=ColumnType.NUMERIC)]
        loaded = load_sheet(sheet, {"custom_schema": schema})
        assert loaded.table.to_pylist() == [{"ID": 1, "unit_price": Decimal("2.5")}]

    def test_missing_and_further_columns_are_named(self, sandbox: Sandbox) -> None:
        sheet = sandbox.sheets.add(Spreadsheet("differs", tabs=[Tab("Sheet1", [["id", "y"], [1, 2]])]))
        with pytest.raises(ConfigurationError) as caught:
            load_sheet(sheet, prescribed("INT64"))
        assert str(caught.value) == (
            "custom_schema: expected exactly its columns in the sheet's header, got no x and beyond it 'y' in column B;"
            " correct the header or the schema"
        )

    def test_empty_tab_is_no_rows_of_the_schema(self, sandbox: Sandbox) -> None:
        loaded = load_sheet(sandbox.sheets.add(Spreadsheet("empty")), prescribed("DATE"))
        assert (loaded.types, loaded.rows) == ({"id": "int64", "x": "date32[day]"}, [])
