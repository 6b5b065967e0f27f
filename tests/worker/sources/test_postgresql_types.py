"""Every type at its extremes: what a real server holds arrives as it was, or is counted, or fails the load."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from worker import types
from worker.errors import ConfigurationError
from worker.postgres import relation
from worker.postgres.projection import Column, declared_decimal

if TYPE_CHECKING:
    from tests.support.shop import Shop

JSON = pa.json_()


class IsNan:
    """Equal to NaN, which is not equal to itself."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and math.isnan(other)

    def __hash__(self) -> int:
        return 0


LOSSLESS: dict[str, tuple[str, pa.DataType, list[Any]]] = {
    "int2": ("VALUES ('-32768'::int2), ('32767')", pa.int16(), [-32768, 32767]),
    "int4": ("VALUES (-2147483648), (2147483647)", pa.int32(), [-(2**31), 2**31 - 1]),
    "int8": ("VALUES ('-9223372036854775808'::int8), (9223372036854775807)", pa.int64(), [-(2**63), 2**63 - 1]),
    "oid": ("VALUES (4294967295::oid), (0)", pa.int64(), [2**32 - 1, 0]),
    "bool": ("VALUES (true), (false), (NULL)", pa.bool_(), [True, False, None]),
    "float4": ("VALUES (3.4028235e38::float4), ('NaN')", pa.float32(), [3.4028234663852886e38, IsNan()]),
    "float8": ("VALUES ('Infinity'::float8), (5e-324), (-0.0)", pa.float64(), [math.inf, 5e-324, -0.0]),
    "numeric(4,2)": (
        "VALUES ('-99.99'::numeric(4,2)), (NULL::numeric(4,2))",
        pa.decimal128(4, 2),
        [Decimal("-99.99"), None],
    ),
    "numeric(38,38)": ("VALUES (1e-38::numeric(38,38))", pa.decimal128(38, 38), [Decimal("1e-38")]),
    "numeric(76,38)": (
        f"VALUES (({'9' * 38}.{'9' * 38})::numeric(76,38))",
        pa.decimal256(76, 38),
        [Decimal(f"{'9' * 38}.{'9' * 38}")],
    ),
    "numeric(77,0)": (f"VALUES (({'9' * 77})::numeric(77,0))", pa.utf8(), ["9" * 77]),
    "numeric(3,-2)": ("VALUES (12345::numeric(3,-2))", pa.decimal128(5, 0), [Decimal(12300)]),
    "numeric(2,4)": ("VALUES (0.0012::numeric(2,4))", pa.decimal128(4, 4), [Decimal("0.0012")]),
    "numeric": ("VALUES (1e28::numeric), (0.000000001)", types.NUMERIC, [Decimal("1e28"), Decimal("1e-9")]),
    "numeric, longer": ("VALUES (1e37::numeric), (1e-38)", types.BIGNUMERIC, [Decimal("1e37"), Decimal("1e-38")]),
    "numeric, finer": ("VALUES (0.0000000001::numeric), (5)", types.BIGNUMERIC, [Decimal("1e-10"), Decimal(5)]),
    "numeric, finest": ("VALUES (1e-39::numeric)", pa.utf8(), [f"0.{'0' * 38}1"]),
    "numeric, longest": ("VALUES (1e100::numeric), (0.5)", pa.utf8(), [f"1{'0' * 100}", "0.5"]),
    "numeric, none": ("SELECT NULL::numeric", types.NUMERIC, [None]),
    "sum": ("SELECT sum(n) FROM generate_series(1, 3::bigint) AS n", types.NUMERIC, [Decimal(6)]),
    "avg": ("SELECT avg(n) FROM (VALUES (1), (2)) AS v (n)", types.NUMERIC, [Decimal("1.5")]),
    "money": (
        "VALUES ('92233720368547758.07'::money), ('-1.50')",
        pa.decimal128(19, 2),
        [Decimal("92233720368547758.07"), Decimal("-1.50")],
    ),
    "text": ("VALUES ('naïve 日本 🦆' || chr(10)), (''), (NULL)", pa.utf8(), ["naïve 日本 🦆\n", "", None]),
    "varchar": ("VALUES ('ab'::varchar(5))", pa.utf8(), ["ab"]),
    "char": ("VALUES ('ab'::char(4))", pa.utf8(), ["ab  "]),
    '"char"': ("""VALUES ('x'::"char")""", pa.utf8(), ["x"]),
    "name": ("VALUES ('pg_class'::name)", pa.utf8(), ["pg_class"]),
    "bytea": (r"VALUES ('\x00ff'::bytea), ('')", pa.binary(), [b"\x00\xff", b""]),
    "uuid": (
        "VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid)",
        pa.utf8(),
        ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ),
    "json": ("""VALUES ('{"a":  1e400}'::json)""", JSON, ['{"a":  1e400}']),
    "jsonb": (
        """VALUES ('{"b": 1, "a": 12345678901234567890.5}'::jsonb)""",
        JSON,
        ['{"a": 12345678901234567890.5, "b": 1}'],
    ),
    "date": ("VALUES ('0001-01-01'::date), ('9999-12-31')", pa.date32(), [date(1, 1, 1), date(9999, 12, 31)]),
    "timestamp": (
        "VALUES ('0001-01-01'::timestamp), ('9999-12-31 23:59:59.999999')",
        pa.timestamp("us"),
        [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)],  # noqa: DTZ001 - it has none
    ),
    "timestamptz": (
        "VALUES ('2024-03-31 02:30:00+02'::timestamptz), ('1883-11-18 12:03:58.5-04:56:02')",
        pa.timestamp("us", "UTC"),
        [datetime(2024, 3, 31, 0, 30, tzinfo=UTC), datetime(1883, 11, 18, 17, 0, 0, 500000, tzinfo=UTC)],
    ),
    "time": ("VALUES ('00:00'::time), ('23:59:59.999999')", pa.time64("us"), [time(), time(23, 59, 59, 999999)]),
    "timetz": ("VALUES ('12:30:00.5+05:30'::timetz)", pa.utf8(), ["12:30:00.5+05:30"]),
    "interval": (
        "VALUES ('1 year -2 days 3.5 seconds'::interval), ('178000000 years')",
        pa.utf8(),
        ["P1Y-2DT3.5S", "P178000000Y"],
    ),
    "int[]": ("VALUES (ARRAY[1, NULL]), ('{}'), (NULL)", JSON, ["[1,null]", "[]", None]),
    "int[][]": ("VALUES (ARRAY[[1,2],[3,4]])", JSON, ["[[1,2],[3,4]]"]),
    "text[]": ("""VALUES (ARRAY['a"b', ''])""", JSON, ['["a\\"b",""]']),
    "numeric[]": ("VALUES (ARRAY[1.50, 1e30])", JSON, [f"[1.50,1{'0' * 30}]"]),
    "record": ("SELECT row(1, 'a'::text)", JSON, ['{"f1":1,"f2":"a"}']),
    "inet": ("VALUES ('192.168.0.1/24'::inet), ('::1')", pa.utf8(), ["192.168.0.1/24", "::1/128"]),
    "cidr": ("VALUES ('10.0.0.0/8'::cidr)", pa.utf8(), ["10.0.0.0/8"]),
    "macaddr": ("VALUES ('08:00:2b:01:02:03'::macaddr)", pa.utf8(), ["08:00:2b:01:02:03"]),
    "bit": ("VALUES (B'101'), (B'000')", pa.utf8(), ["101", "000"]),
    "varbit": ("VALUES (B'1'::varbit), ('')", pa.utf8(), ["1", ""]),
    "int4range": ("VALUES ('[1,5)'::int4range), ('empty')", pa.utf8(), ["[1,5)", "empty"]),
    "multirange": ("VALUES ('{[1,2),[4,5)}'::int4multirange)", pa.utf8(), ["{[1,2),[4,5)}"]),
    "tstzrange": ("VALUES ('[2024-01-01 00:00+00,)'::tstzrange)", pa.utf8(), ['["2024-01-01 00:00:00+00",)']),
    "point": ("VALUES ('(1.5,-2)'::point)", pa.utf8(), ["(1.5,-2)"]),
    "tsvector": ("VALUES ('a:1 b:2'::tsvector)", pa.utf8(), ["'a':1 'b':2"]),
    "regclass": ("VALUES ('pg_class'::regclass)", pa.utf8(), ["pg_class"]),
    "xid8": ("VALUES ('18446744073709551615'::xid8)", pa.utf8(), ["18446744073709551615"]),
    "pg_lsn": ("VALUES ('16/B374D848'::pg_lsn)", pa.utf8(), ["16/B374D848"]),
    "unknown": ("SELECT 'plain'", pa.utf8(), ["plain"]),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_type_arrives_as_it_is(shop: Shop, name: str) -> None:
    sql, arrow, values = LOSSLESS[name]
    [batch] = shop.batches({"query": f"SELECT * FROM ({sql}) AS v (value)"})
    assert batch.schema.field("value").type == arrow
    assert types.canonical(arrow) is not None
    assert batch.column(0).to_pylist() == values
    assert shop.warnings == []


def test_types_of_ones_own_arrive_by_their_kind(shop: Shop) -> None:
    shop.run("""
        CREATE TYPE mood AS ENUM ('fine', 'so so');
        CREATE TYPE pair AS (a int, b text);
        CREATE DOMAIN positive AS int CHECK (value > 0);
        CREATE DOMAIN price AS numeric(8, 2);
        CREATE DOMAIN moods AS mood[];
        CREATE TABLE t (mood mood, moods mood[], pair pair, n positive, price price, domain_of_moods moods);
        INSERT INTO t VALUES ('so so', '{fine,so so}', '(1,x)', 3, 1.5, '{fine}');
    """)
    assert shop.rows({"table": "t"}) == [
        {
            "mood": "so so",
            "moods": '["fine","so so"]',
            "pair": '{"a":1,"b":"x"}',
            "n": 3,
            "price": Decimal("1.50"),
            "domain_of_moods": '["fine"]',
        }
    ]


def test_types_of_extensions_are_asked_for_by_name(shop: Shop) -> None:
    """Stand-ins of the names that PostGIS and hstore use: neither extension comes with the embedded server."""
    shop.run("""
        CREATE TYPE geometry AS (x int); CREATE TYPE hstore AS (x int);
        CREATE FUNCTION st_astext(geometry) RETURNS text LANGUAGE sql AS 'SELECT format(''POINT(%s 0)'', $1.x)';
        CREATE TABLE t (g geometry, h hstore);
        INSERT INTO t VALUES (row(7), row(8));
    """)
    assert shop.rows({"table": "t"}) == [{"g": "POINT(7 0)", "h": '{"x":8}'}]


def test_odd_column_names_arrive_as_they_are(shop: Shop) -> None:
    shop.run('CREATE TABLE t ("say ""hi" int, "Größe" uuid, "a.b" numeric)')
    [batch] = shop.batches({"table": "t"})
    assert batch.schema.names == ['say "hi', "Größe", "a.b"]


@pytest.mark.parametrize(
    ("sql", "rest", "what"),
    [
        ("VALUES ('infinity'::date), ('-infinity'), ('2024-01-01')", [date(2024, 1, 1)], "infinity in 2 rows"),
        ("VALUES ('infinity'::timestamp), (NULL), ('-infinity')", [], "infinity in 2 rows"),
        ("VALUES ('infinity'::timestamptz), ('-infinity')", [], "infinity in 2 rows"),
        ("VALUES ('NaN'::numeric(4,1)), (1.5)", [Decimal("1.5")], "NaN or infinity in 1 rows"),
        ("VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (1)", [Decimal(1)], "NaN or infinity in 3 rows"),
        ("VALUES ('24:00'::time), ('23:59')", [time(23, 59)], "24:00 in 1 rows"),
    ],
    ids=["date", "timestamp", "timestamptz", "numeric(4,1)", "numeric", "time"],
)
def test_value_that_no_table_holds_is_empty_and_counted(shop: Shop, sql: str, rest: list[Any], what: str) -> None:
    rows = shop.rows({"query": f"SELECT * FROM ({sql}) AS v (value)"})
    assert [row["value"] for row in rows if row["value"] is not None] == rest
    assert shop.warnings == [f"column value: {what} is loaded as empty, since no table can hold it"]


@pytest.mark.parametrize(
    ("value", "year"),
    [
        ("'10000-01-01'::date", "10000"),
        ("'5874897-12-31'::date", "5874898"),
        ("'4713-01-01 BC'::date", "-4712"),
        ("'0001-12-31 BC'::timestamp", "1"),
        ("'294246-01-01'::timestamptz", "294246"),
    ],
)
def test_year_that_no_table_holds_fails_and_names_its_row(shop: Shop, value: str, year: str) -> None:
    sql = f"SELECT {value} AS day WHERE false UNION ALL SELECT '2024-01-01' UNION ALL SELECT {value}"
    with pytest.raises(ConfigurationError, match=rf"column day, row 2: .*got one near {year};"):
        shop.rows({"query": sql})


def test_numeric_stays_text_where_the_table_has_text(shop: Shop) -> None:
    columns: dict[str, pa.DataType] = {"total_amount": pa.utf8(), "other": pa.decimal128(3, 1)}
    query = 'SELECT 1.5::numeric AS "Total amount", 1.5::numeric AS other'
    assert shop.rows({"query": query}, existing=lambda: pa.schema(columns)) == [
        {"Total amount": "1.5", "other": Decimal("1.5")}
    ]


@pytest.mark.parametrize(
    ("modifier", "expected"),
    [(655366, pa.decimal128(10, 2)), (65540, pa.decimal128(1, 0)), (((1000 << 16) | 0) + 4, None)],
)
def test_declared_precision_is_read_from_the_modifier(modifier: int, expected: pa.DataType | None) -> None:
    assert declared_decimal(Column("n", "numeric", modifier)) == expected


def test_column_of_the_relation_is_quoted() -> None:
    assert relation.column('a"b') == 'q."a""b"'
