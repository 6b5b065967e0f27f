"""Canonical types, and the lattice by which a column may be widened."""

from __future__ import annotations

from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.contract.custom_schema import ColumnType
from worker.types import ARROW_TYPES, DATETIME, JSON, TIME, TIMESTAMP, canonical, decimal, loses, type_name, widened

INT64, FLOAT64, STRING = pa.int64(), pa.float64(), pa.utf8()
CANONICAL = [*ARROW_TYPES.values(), decimal(5, 2), pa.null(), pa.list_(INT64)]
decimals = st.integers(1, 76).flatmap(lambda p: st.integers(0, p).map(lambda s: decimal(p, s)))


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [
        (pa.int8(), INT64),
        (pa.uint32(), INT64),
        (pa.uint64(), pa.decimal128(20, 0)),
        (pa.float16(), FLOAT64),
        (pa.float32(), FLOAT64),
        (pa.bool_(), pa.bool_()),
        (pa.null(), pa.null()),
        (pa.decimal64(10, 2), pa.decimal128(10, 2)),
        (pa.decimal256(10, 2), pa.decimal128(10, 2)),
        (pa.decimal256(39, 2), pa.decimal256(39, 2)),
        (pa.decimal128(3, -2), pa.decimal128(5, 0)),
        (pa.decimal128(2, 5), pa.decimal128(5, 5)),
        (pa.large_string(), STRING),
        (pa.string_view(), STRING),
        (pa.dictionary(pa.int8(), pa.large_utf8()), STRING),
        (pa.uuid(), STRING),
        (pa.json_(pa.large_utf8()), JSON),
        (pa.opaque(pa.utf8(), "citext", "postgresql"), STRING),
        (pa.large_binary(), pa.binary()),
        (pa.binary(16), pa.binary()),
        (pa.date64(), pa.date32()),
        (pa.time32("s"), TIME),
        (pa.time64("ns"), TIME),
        (pa.timestamp("ns"), DATETIME),
        (pa.timestamp("s", "America/New_York"), TIMESTAMP),
        (pa.large_list(pa.int8()), pa.list_(INT64)),
        (pa.list_(pa.float32(), 3), pa.list_(FLOAT64)),
        (pa.struct([("a", pa.int8())]), pa.struct([("a", INT64)])),
        (pa.map_(STRING, pa.int8()), pa.list_(pa.struct([pa.field("key", STRING, nullable=False), ("value", INT64)]))),
        (pa.duration("us"), None),
        (pa.month_day_nano_interval(), None),
        (pa.list_(pa.duration("s")), None),
        (pa.struct([("a", INT64), ("b", pa.duration("s"))]), None),
    ],
    ids=str,
)
def test_type_has_one_canonical_equal(given_type: pa.DataType, expected: pa.DataType | None) -> None:
    assert canonical(given_type) == expected


@pytest.mark.parametrize("arrow", CANONICAL, ids=str)
def test_canonical_type_is_its_own_equal(arrow: pa.DataType) -> None:
    assert canonical(arrow) == arrow


def test_every_column_type_has_an_arrow_type() -> None:
    assert set(ARROW_TYPES) == set(ColumnType)


@pytest.mark.parametrize(
    ("have", "want", "expected"),
    [
        (INT64, FLOAT64, FLOAT64),
        (INT64, decimal(5, 2), decimal(21, 2)),
        (INT64, decimal(38, 9), decimal(38, 9)),
        (INT64, decimal(38, 38), decimal(57, 38)),
        (decimal(5, 2), decimal(8, 3), decimal(8, 3)),
        (decimal(5, 2), decimal(4, 3), decimal(6, 3)),
        (decimal(76, 0), decimal(2, 1), None),
        (decimal(5, 2), FLOAT64, None),
        (STRING, pa.null(), STRING),
        (pa.date32(), DATETIME, None),
        (DATETIME, TIMESTAMP, None),
        (pa.bool_(), INT64, None),
        (STRING, JSON, None),
        (pa.list_(INT64), pa.list_(FLOAT64), None),
    ],
    ids=str,
)
def test_lattice(have: pa.DataType, want: pa.DataType, expected: pa.DataType | None) -> None:
    assert widened(have, want) == expected


@pytest.mark.parametrize(("have", "want"), list(product(CANONICAL, repeat=2)), ids=str)
def test_widening_is_the_same_from_both_sides_and_comes_to_rest(have: pa.DataType, want: pa.DataType) -> None:
    both = widened(have, want)
    assert widened(want, have) == both
    if both is not None:
        assert widened(both, have) == widened(both, want) == both


def test_nothing_becomes_text() -> None:
    assert [str(arrow) for arrow in CANONICAL if widened(arrow, STRING) == STRING] == ["string", "null"]


@given(decimals, decimals)
def test_widened_decimal_has_room_for_both(first: pa.DataType, second: pa.DataType) -> None:
    both = widened(first, second)
    if both is not None:
        for each in (first, second):
            assert both.scale >= each.scale  # type: ignore[attr-defined]
            assert both.precision - both.scale >= each.precision - each.scale  # type: ignore[attr-defined]
            assert not loses(each, both)


@pytest.mark.parametrize(
    ("have", "to", "may_lose"),
    [
        (INT64, FLOAT64, True),
        (decimal(5, 2), FLOAT64, True),
        (INT64, decimal(21, 2), False),
        (INT64, decimal(10, 2), True),
        (decimal(5, 2), decimal(5, 1), True),
        (FLOAT64, INT64, True),
        (INT64, INT64, False),
        (pa.null(), INT64, False),
    ],
    ids=str,
)
def test_loss_is_possible_exactly_outside_the_lattice(have: pa.DataType, to: pa.DataType, may_lose: bool) -> None:
    assert loses(have, to) == may_lose


@pytest.mark.parametrize(
    ("arrow", "name"),
    [
        *((arrow, name.value) for name, arrow in ARROW_TYPES.items()),
        (decimal(10, 2), "NUMERIC(10, 2)"),
        (decimal(38, 0), "BIGNUMERIC(38, 0)"),
        (decimal(29, 0), "NUMERIC(29, 0)"),
        (decimal(12, 10), "BIGNUMERIC(12, 10)"),
        (pa.list_(pa.utf8()), "ARRAY<STRING>"),
        (pa.struct([("a", INT64), ("b", pa.list_(FLOAT64))]), "STRUCT<a INT64, b ARRAY<FLOAT64>>"),
        (pa.null(), "unknown"),
        (pa.duration("s"), "duration[s]"),
    ],
    ids=str,
)
def test_types_are_named_as_bigquery_does(arrow: pa.DataType, name: str) -> None:
    assert type_name(arrow) == name
