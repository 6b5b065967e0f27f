"""Which type a column of cells gets: the narrowest that holds every value without loss, or the one that the table has.

INTEGER ─► NUMBER        DATE ─► DATETIME        BOOL   TIME   DURATION        any other mix ─► text
 INT64     FLOAT64       DATE    DATETIME        BOOL   TIME   FLOAT64                          STRING
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.contract.custom_schema import ColumnType
from worker.sheets.cells import Kind

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_NARROWEST_FIRST: tuple[tuple[frozenset[Kind], ColumnType], ...] = (
    (frozenset({Kind.BOOL}), ColumnType.BOOL),
    (frozenset({Kind.INTEGER}), ColumnType.INT64),
    (frozenset({Kind.INTEGER, Kind.NUMBER}), ColumnType.FLOAT64),
    (frozenset({Kind.DURATION}), ColumnType.FLOAT64),
    (frozenset({Kind.DATE}), ColumnType.DATE),
    (frozenset({Kind.DATE, Kind.DATETIME}), ColumnType.DATETIME),
    (frozenset({Kind.TIME}), ColumnType.TIME),
)
NO_VALUE = frozenset({Kind.EMPTY, Kind.ERROR})

_ALWAYS_FIT: dict[ColumnType, frozenset[Kind]] = {
    ColumnType.STRING: frozenset(Kind) - NO_VALUE,
    ColumnType.BOOL: frozenset({Kind.BOOL}),
    ColumnType.INT64: frozenset({Kind.INTEGER}),
    ColumnType.FLOAT64: frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION}),
    ColumnType.NUMERIC: frozenset({Kind.INTEGER}),
    ColumnType.BIGNUMERIC: frozenset({Kind.INTEGER}),
    ColumnType.DATE: frozenset({Kind.DATE}),
    ColumnType.DATETIME: frozenset({Kind.DATE, Kind.DATETIME}),
    ColumnType.TIME: frozenset({Kind.TIME}),
}


def values_among(kinds: AbstractSet[Kind]) -> frozenset[Kind]:
    """Return the kinds that are values: neither empty nor an error."""
    return frozenset(kinds) - NO_VALUE


def infer(kinds: AbstractSet[Kind]) -> ColumnType | None:
    """Return the narrowest type for cells of these kinds, or None if there is no value to tell by."""
    values = values_among(kinds)
    if not values:
        return None
    return next((kind for holds, kind in _NARROWEST_FIRST if values <= holds), ColumnType.STRING)


def always_fits(kinds: AbstractSet[Kind], column_type: ColumnType) -> bool:
    """Tell whether every cell of these kinds fits a type, whatever its value; if not, each value must be looked at."""
    return values_among(kinds) <= _ALWAYS_FIT.get(column_type, frozenset())
