"""Numerics that do not tell their precision (`numeric` alone, sums, averages): measured in the snapshot read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from worker import types
from worker.names import column_names
from worker.postgres import relation
from worker.postgres.projection import NUMERIC

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.postgres.projection import Column
    from worker.postgres.session import Session


def undeclared(columns: Sequence[Column]) -> list[Column]:
    """Return the numerics without precision."""
    return [column for column in columns if column.type_name == NUMERIC and column.modifier < 0]


def decimals(
    session: Session, rows: str, columns: Sequence[Column], existing: Callable[[], pa.Schema | None]
) -> dict[str, pa.DataType | None]:
    """Return for each the first of NUMERIC, BIGNUMERIC and text (None) that holds all its values.

    A column that the destination keeps as text stays text: a type that changes with the data would be refused there.
    """
    if not columns:
        return {}
    text = _kept_as_text(columns, existing())
    found = _digits(session, rows, columns)
    return {name: None if name in text else _smallest(*digits) for name, digits in found.items()}


def _digits(session: Session, rows: str, columns: Sequence[Column]) -> dict[str, tuple[int, int]]:
    """Return the most digits before and after the point. NaN and infinity have no scale and are left out."""
    asked = ", ".join(
        f"max(abs({value})) FILTER (WHERE scale({value}) IS NOT NULL)::text AS whole_{place}, "
        f"max(min_scale({value})) AS scale_{place}"
        for place, value in enumerate(relation.column(column.name) for column in columns)
    )
    [row] = session.fetch(f"SELECT {asked} {rows}")
    return {
        column.name: (len((row[f"whole_{place}"] or "").partition(".")[0].lstrip("0")), row[f"scale_{place}"] or 0)
        for place, column in enumerate(columns)
    }


def _smallest(whole: int, scale: int) -> pa.DataType | None:
    for candidate in (types.NUMERIC, types.BIGNUMERIC):
        if whole <= candidate.precision - candidate.scale and scale <= candidate.scale:
            return candidate
    return None


def _kept_as_text(columns: Sequence[Column], table: pa.Schema | None) -> set[str]:
    if table is None:
        return set()
    text = {field.name.casefold() for field in table if pa.types.is_string(field.type)}
    names = [column.name for column in columns]
    return {name for name, legal in zip(names, column_names(names), strict=True) if legal.casefold() in text}
