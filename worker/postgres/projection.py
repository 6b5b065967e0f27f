"""How each column is asked for, so that nothing is lost on the way: a cast in SQL, and the Arrow type of the answer.

ADBC reads PostgreSQL's binary format and knows part of it. What it would deliver wrongly is cast by the server: oids
above 2^31, money (cents without their scale), and everything that would arrive as raw bytes. Numerics travel as text,
which is lossless, and which the server writes faster than the driver does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from worker import types
from worker.errors import ConfigurationError
from worker.postgres import relation
from worker.postgres.neighbours import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.postgres.relation import Relation
    from worker.postgres.session import Session

NUMERIC = "numeric"
_AS_THEY_ARE = {
    *("bool", "int2", "int4", "int8", "float4", "float8", "date", "time", "timestamp", "timestamptz"),
    *("text", "varchar", "bpchar", "char", "name", "bytea", "json", "jsonb"),
}
_CAST = {"oid": "{}::bigint", "money": "{}::numeric::text"}
_CAST_BY_NAME = {"geometry": "ST_AsText({})", "geography": "ST_AsText({})", "hstore": "to_json({})"}
_JSON_CATEGORIES = "ACP"
"""Arrays, composite types and records, in `pg_type.typcategory`."""
_LARGEST_PRECISION = 76
_CATALOG_TYPES = """
SELECT asked.place, t.typname::text AS name, t.typcategory::text AS category
FROM (VALUES {values}) AS asked (place, type) JOIN pg_catalog.pg_type AS t ON t.oid = asked.type
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the server describes it."""

    name: str
    type_name: str
    """PostgreSQL's internal name: `int4`, `timestamptz`; of a domain, that of its base type."""
    modifier: int = -1
    """The `typmod`, which holds precision and scale of a numeric; -1: none."""


@dataclass(frozen=True, slots=True)
class Projected:
    """A column as it is asked for."""

    name: str
    expression: str
    arrow: pa.DataType | None = None
    """What the text that arrives is turned into; None: it stays what it is."""


def columns(session: Session, source: Relation) -> list[Column]:
    """Return all columns of a relation, in its order."""
    return [_column(field) for field in session.describe(f"SELECT * {source.from_clause}")]


def chosen(available: Sequence[Column], wanted: Sequence[str], source: Relation) -> list[Column]:
    """Return the columns that an option names, or all.

    Raises:
        ConfigurationError: one is not there (names the nearest), two have one name, or there is none at all.
    """
    names = [column.name for column in available]
    by_name = dict(zip(names, available, strict=True))
    if missing := [name for name in wanted if name not in by_name]:
        raise ConfigurationError(
            f"{source.label}: expected a column {missing[0]!r}, got {len(names)} others; "
            + did_you_mean(missing[0], names)
        )
    if doubled := [name for name in by_name if names.count(name) > 1]:
        raise ConfigurationError(
            f"{source.label}: expected a name of its own for each column, got {doubled[0]!r} twice; rename one with AS"
        )
    if not names:
        raise ConfigurationError(f"{source.label}: expected columns, got none; name another table")
    return [by_name[name] for name in wanted or names]


def project(
    session: Session, source: Relation, wanted: Iterable[Column], decimals: dict[str, pa.DataType | None]
) -> list[Projected]:
    """Return how to ask for the columns; `decimals` has the types of those numerics that do not tell theirs."""
    wanted = list(wanted)
    others = [column for column in wanted if column.type_name not in {*_AS_THEY_ARE, *_CAST, NUMERIC}]
    types_of_others = _catalog_types(session, source, others) if others else {}
    return [_projected(column, decimals, types_of_others) for column in wanted]


def select(projected: Iterable[Projected], rows: str) -> str:
    """Return the SELECT of these columns; `rows` is its FROM and what follows."""
    asked = ", ".join(f"{column.expression} AS {relation.quoted(column.name)}" for column in projected)
    return f"SELECT {asked} {rows}"


def declared_decimal(column: Column) -> pa.DataType | None:
    """Return the decimal type that a numeric's precision and scale declare; None: text, since no decimal is that long.

    The modifier holds precision and scale in its halves, the scale in eleven bits with a sign (numeric.c).
    """
    precision = (column.modifier - 4) >> 16 & 0xFFFF
    scale = ((column.modifier - 4) & 0x7FF ^ 0x400) - 0x400
    digits = max(precision, scale, precision - scale)
    return types.decimal(precision, scale) if digits <= _LARGEST_PRECISION else None


def _column(field: pa.Field[pa.DataType]) -> Column:
    told = field.metadata or {}
    return Column(field.name, told[b"POSTGRESQL:type"].decode(), int(told.get(b"POSTGRESQL:typmod", b"-1")))


def _projected(
    column: Column, decimals: dict[str, pa.DataType | None], others: dict[str, tuple[str, str]]
) -> Projected:
    written = relation.column(column.name)
    if column.type_name in _AS_THEY_ARE:
        return Projected(column.name, written)
    if column.type_name == NUMERIC:
        declared = decimals[column.name] if column.modifier < 0 else declared_decimal(column)
        return Projected(column.name, f"{written}::text", declared)
    if cast := _CAST.get(column.type_name):
        return Projected(
            column.name, cast.format(written), pa.decimal128(19, 2) if column.type_name == "money" else None
        )
    name, category = others[column.name]
    cast = _CAST_BY_NAME.get(name) or ("to_json({})" if category in _JSON_CATEGORIES else "{}::text")
    return Projected(column.name, cast.format(written))


def _catalog_types(session: Session, source: Relation, others: Sequence[Column]) -> dict[str, tuple[str, str]]:
    """Return name and category of the columns' types; a subselect without rows has a type, too."""
    values = ", ".join(
        f"({place}, pg_typeof((SELECT {relation.column(column.name)} {source.from_clause} LIMIT 0))::oid)"
        for place, column in enumerate(others)
    )
    rows = session.fetch(_CATALOG_TYPES.format(values=values))
    return {others[row["place"]].name: (row["name"], row["category"]) for row in rows}
