"""From a source's batches to those that are staged."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.batches import conformed, description, without
from worker.contract.custom_schema import Column
from worker.errors import ConfigurationError
from worker.types import DATETIME, JSON, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOON = datetime.fromisoformat("2026-01-02T12:00")
MIDNIGHT = datetime.fromisoformat("2026-01-02T00:00")


def batch(*values: object, arrow: pa.DataType | None = None, name: str = "a", nullable: bool = True) -> pa.RecordBatch:
    array: pa.Array[Any] = pa.array(list(values), arrow)
    return pa.RecordBatch.from_arrays([array], schema=pa.schema([pa.field(name, array.type, nullable=nullable)]))


def schema_of(*columns: tuple[str, str], mode: str = "NULLABLE") -> Sequence[Column]:
    return [Column.model_validate({"name": name, "type": kind, "mode": mode}) for name, kind in columns]


def as_type(kind: str, *values: object, arrow: pa.DataType | None = None) -> list[Any]:
    (result,) = conformed([batch(*values, arrow=arrow)], custom_schema=schema_of(("a", kind)))
    return result.column(0).to_pylist()


class TestNamesAndTypes:
    def test_columns_get_legal_names_and_keep_their_own_as_description(self) -> None:
        given_batch = pa.RecordBatch.from_pydict({"Unit Price": [1], "name": ["x"]})
        (result,) = conformed([given_batch])
        assert [(field.name, description(field)) for field in result.schema] == [
            ("Unit_Price", "Unit Price"),
            ("name", None),
        ]

    def test_description_of_the_source_is_kept(self) -> None:
        schema = batch(1, name="a b").schema
        schema = schema.set(0, schema.field(0).with_metadata({"description": "as the database says"}))
        (result,) = conformed([pa.RecordBatch.from_arrays([pa.array([1])], schema=schema)])
        assert description(result.schema.field("a_b")) == "as the database says"

    def test_values_arrive_in_canonical_types(self) -> None:
        (result,) = conformed([batch(1, 2, arrow=pa.int8())])
        assert result.schema.field("a").type == pa.int64()
        assert result.column(0).to_pylist() == [1, 2]

    @pytest.mark.parametrize(
        ("array", "values"),
        [
            (pa.array([2**64 - 1, None], pa.uint64()), [Decimal(2**64 - 1), None]),
            (pa.array([1.5, None], pa.float16()), [1.5, None]),
            (pa.array(["x", None]).dictionary_encode(), ["x", None]),
            (pa.array([uuid.UUID(int=1).bytes, None], pa.uuid()), [str(uuid.UUID(int=1)), None]),
            (pa.array([Decimal(1200)], pa.decimal128(3, -2)), [Decimal(1200)]),
            (pa.array([[("k", 1)], None], pa.map_(pa.utf8(), pa.int8())), [[{"key": "k", "value": 1}], None]),
            (pa.array([1_000, None], pa.timestamp("ns")), [datetime.fromisoformat("1970-01-01T00:00:00.000001"), None]),
            (pa.array([0], pa.timestamp("s", "Asia/Tokyo")), [datetime(1970, 1, 1, tzinfo=UTC)]),
            (pa.array([86_400_000], pa.date64()), [date(1970, 1, 2)]),
            (pa.array(["{}", None], pa.json_()), ["{}", None]),
            (pa.nulls(2), [None, None]),
        ],
        ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
    )
    def test_every_type_arrives_without_loss(self, array: pa.Array[Any], values: list[Any]) -> None:
        (result,) = conformed([pa.RecordBatch.from_arrays([array], names=["a"])])
        assert result.column(0).to_pylist() == values

    def test_nanoseconds_that_would_be_lost_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"column a, row 2: expected DATETIME, got '.*00:00:00.000000001'"):
            list(conformed([batch(1_000, 1, arrow=pa.timestamp("ns"))]))

    def test_type_without_an_equal_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"column a: expected a type that a table can hold, got duration"):
            list(conformed([batch(1, arrow=pa.duration("s"))]))

    def test_nothing_in_a_required_column_is_refused_by_its_row(self) -> None:
        batches = [batch(1, nullable=False), batch(2, None, arrow=pa.int64(), nullable=False)]
        with pytest.raises(ConfigurationError, match="column a, row 3: expected a value, got nothing"):
            list(conformed(batches))

    def test_unit_of_two_schemas_is_a_bug_of_its_source(self) -> None:
        with pytest.raises(RuntimeError, match="batch at row 2: expected the schema of the first batch"):
            list(conformed([batch(1), batch("x")]))

    def test_batches_are_passed_one_by_one(self) -> None:
        taken = []

        def source() -> Iterator[pa.RecordBatch]:
            for number in range(3):
                taken.append(number)
                yield batch(number)

        next(conformed(source()))
        assert taken == [0]


class TestMetadata:
    def test_constants_are_added_to_every_batch(self) -> None:
        at = datetime(2026, 1, 2, tzinfo=UTC)
        results = list(conformed([batch(1), batch(2, 3)], metadata={"_run": "r", "_at": at}))
        assert [result.to_pylist() for result in results] == [
            [{"a": 1, "_run": "r", "_at": at}],
            [{"a": 2, "_run": "r", "_at": at}, {"a": 3, "_run": "r", "_at": at}],
        ]
        assert results[0].schema.types[1:] == [pa.utf8(), TIMESTAMP]

    def test_name_that_a_column_has_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="metadata_columns: expected a name that no column"):
            list(conformed([batch(1, name="_Run")], metadata={"_run": "r"}))

    def test_columns_can_be_left_out_of_a_schema(self) -> None:
        given_batch = pa.RecordBatch.from_pydict({"a": [1], "_Run": ["x"]})
        assert without(given_batch.schema, ["_run"]).names == ["a"]


class TestCustomSchema:
    @pytest.mark.parametrize(
        ("kind", "given_value", "expected"),
        [
            ("INT64", "12", 12),
            ("INT64", 12.0, 12),
            ("INT64", Decimal("12.00"), 12),
            ("FLOAT64", 3, 3.0),
            ("FLOAT64", Decimal("0.1"), 0.1),
            ("FLOAT64", "1e3", 1000.0),
            ("NUMERIC", 0.1, Decimal("0.1")),
            ("NUMERIC", "12.5", Decimal("12.5")),
            ("BIGNUMERIC", "1" * 38, Decimal("1" * 38)),
            ("BOOL", "true", True),
            ("STRING", 12, "12"),
            ("STRING", True, "true"),
            ("STRING", date(2026, 1, 2), "2026-01-02"),
            ("BYTES", b"x", b"x"),
            ("DATE", "2026-01-02", date(2026, 1, 2)),
            ("DATE", MIDNIGHT, date(2026, 1, 2)),
            ("DATETIME", date(2026, 1, 2), MIDNIGHT),
            ("TIME", "12:30:00.5", time(12, 30, 0, 500_000)),
            ("TIMESTAMP", "2026-01-02T03:04:05+01:00", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
            ("JSON", '{"a": 1}', '{"a": 1}'),
        ],
    )
    def test_value_that_can_be_read_as_the_type_is(self, kind: str, given_value: object, expected: object) -> None:
        assert as_type(kind, given_value, None) == [expected, None]

    @pytest.mark.parametrize(
        ("kind", "good", "bad"),
        [
            ("INT64", "1", "one"),
            ("INT64", "1", "1.5"),
            ("INT64", 1.0, 1.5),
            ("INT64", Decimal("1.0"), Decimal("1.5")),
            ("FLOAT64", 1, 2**53 + 1),
            ("FLOAT64", Decimal("1.50000000000000000"), Decimal("1.23456789012345678")),
            ("NUMERIC", 0.5, 1 / 3),
            ("NUMERIC", 0.5, float("nan")),
            ("NUMERIC", "0.5", "0.1234567891"),
            ("BOOL", "false", "no"),
            ("DATE", "2026-01-02", "2026-13-01"),
            ("DATE", MIDNIGHT, NOON),
            ("TIME", "12:00", "25:00"),
            ("TIMESTAMP", "2026-01-02T00:00Z", "2026-01-02T00:00"),
            ("JSON", "[]", "[,]"),
            ("JSON", "null", ""),
            ("TIME", "12:00", ""),
        ],
    )
    def test_value_that_does_not_fit_is_named(self, kind: str, good: object, bad: object) -> None:
        with pytest.raises(ConfigurationError) as raised:
            as_type(kind, *[None] * 5, good, bad, good)
        assert str(raised.value).startswith(f"column a, row 7: expected {kind}, got {str(bad)!r}")

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            ("INT64", True),
            ("BOOL", 1),
            ("TIMESTAMP", NOON),
            ("DATETIME", datetime(2026, 1, 1, tzinfo=UTC)),
            ("STRING", b"x"),
            ("DATE", 20_000),
            ("INT64", date(2026, 1, 1)),
            ("STRING", [1]),
        ],
    )
    def test_type_that_means_something_else_is_refused_unless_it_is_empty(self, kind: str, value: object) -> None:
        with pytest.raises(ConfigurationError, match=f"column a, row 3: expected {kind}, got "):
            as_type(kind, None, None, value)
        assert as_type(kind, None, None, arrow=batch(value).schema.field("a").type) == [None, None]

    def test_rows_are_counted_through_the_batches(self) -> None:
        batches = [batch("1", "2"), batch("3", "x")]
        with pytest.raises(ConfigurationError, match="column a, row 4: expected INT64, got 'x'"):
            list(conformed(batches, custom_schema=schema_of(("a", "INT64"))))

    def test_columns_come_in_the_schemas_order_whatever_their_case(self) -> None:
        given_batch = pa.RecordBatch.from_pydict({"Unit Price": [1], "name": ["x"]})
        (result,) = conformed([given_batch], custom_schema=schema_of(("NAME", "STRING"), ("unit_price", "INT64")))
        assert result.to_pylist() == [{"NAME": "x", "unit_price": 1}]

    def test_columns_on_one_side_only_are_refused(self) -> None:
        with pytest.raises(ConfigurationError) as raised:
            list(conformed([batch(1)], custom_schema=schema_of(("b", "INT64"))))
        assert str(raised.value) == (
            "custom_schema: expected exactly the source's columns, got b which the source does not have"
            " and nothing for a; the source has a"
        )

    def test_required_column_takes_no_nothing(self) -> None:
        with pytest.raises(ConfigurationError, match="column a, row 2: expected a value"):
            list(conformed([batch("1", None)], custom_schema=schema_of(("a", "INT64"), mode="REQUIRED")))

    @given(st.lists(st.integers(-(2**62), 2**62), min_size=1), st.data())
    def test_first_value_that_does_not_fit_is_found_anywhere(self, values: list[int], data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(values) - 1))
        texts = [str(value) for value in values]
        texts[place] = "?"
        with pytest.raises(ConfigurationError, match=f"row {place + 1}: "):
            as_type("INT64", *texts)


def test_json_stays_json() -> None:
    (result,) = conformed([batch('{"a": 1}', arrow=JSON)])
    assert result.schema.field("a").type == JSON


def test_datetime_of_microseconds_is_taken_as_it_is() -> None:
    array = pa.array([NOON], DATETIME)
    (result,) = conformed([pa.RecordBatch.from_arrays([array], names=["a"])])
    assert result.column(0) is not None
    assert result.column(0).equals(array)
