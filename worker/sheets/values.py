"""One cell as a value of one column type, without loss or not at all.

Text is a value of another type only where it says it exactly: `2026-03-01` is a date, `0012` is no number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from worker.contract.custom_schema import ColumnType
from worker.sheets.cells import DAY_MS, Cell, Kind, as_date, as_datetime, shown

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_ANYTHING = re.compile(r".*", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?", re.ASCII)
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)
_TRUTHS = {"TRUE": True, "FALSE": False, "true": True, "false": False}
_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION})
_INT64 = 2**63

Parsed = TypeVar("Parsed")


class Misfit(ValueError):  # noqa: N818 - it names the fault
    """The cell has no value of this type; the text says why, if there is more to say than the type."""


@dataclass(frozen=True, slots=True)
class Target:
    """What cells shall become."""

    column_type: ColumnType
    zone: tzinfo
    """The sheet's own, in which its date-times are wall clocks."""
    precision: int = 0
    scale: int = 0
    """Digits in all, and after the point, of NUMERIC and BIGNUMERIC."""


def read_value(cell: Cell, target: Target) -> Any:  # noqa: ANN401 - what the type says
    """Return a filled cell as a value of the target's type.

    Raises:
        Misfit: it has none that is the same.
    """
    if target.column_type in {ColumnType.NUMERIC, ColumnType.BIGNUMERIC}:
        return _decimal(cell, target.precision, target.scale)
    if target.column_type is ColumnType.TIMESTAMP:
        return _timestamp(cell, target.zone)
    return _READERS[target.column_type](cell)


def _bytes(_: Cell) -> bytes:
    raise Misfit("a sheet holds no bytes")


def _bool(cell: Cell) -> bool:
    kind, number, text = cell
    if kind is Kind.BOOL:
        return bool(number)
    if kind is Kind.TEXT and text in _TRUTHS:
        return _TRUTHS[text]
    raise Misfit


def _int64(cell: Cell) -> int:
    kind, number, text = cell
    if kind is Kind.TEXT and _WHOLE.fullmatch(text):
        value = int(text)
    elif kind in _NUMBERS and number == int(number):
        value = int(number)
    else:
        raise Misfit
    if not -_INT64 <= value < _INT64:
        raise Misfit("it has more digits than 64 bits hold")
    return value


def _float64(cell: Cell) -> float:
    kind, number, text = cell
    if kind in _NUMBERS:
        return number
    if kind is Kind.TEXT and _DECIMAL.fullmatch(text):
        number = float(text)
        if Decimal(repr(number)) == Decimal(text):
            return number
        raise Misfit("it has more digits than a double holds")
    raise Misfit


def _decimal(cell: Cell, precision: int, scale: int) -> Decimal:
    kind, number, text = cell
    if kind in _NUMBERS:
        value = Decimal(repr(number))
    elif kind is Kind.TEXT and _DECIMAL.fullmatch(text):
        value = Decimal(text)
    else:
        raise Misfit
    _, digits, exponent = value.normalize().as_tuple()
    if value and (-int(exponent) > scale or len(digits) + int(exponent) > precision - scale):
        raise Misfit(f"at most {precision - scale} digits before and {scale} after the point fit")
    return value


def _date(cell: Cell) -> date:
    kind, number, text = cell
    if kind is Kind.DATE:
        return as_date(number)
    if kind is Kind.DATETIME and not number % DAY_MS:
        return as_date(number // DAY_MS)
    if kind is Kind.TEXT:
        return _parsed(date.fromisoformat, text, _DAY)
    raise Misfit


def _datetime(cell: Cell) -> datetime:
    kind, number, text = cell
    if kind is Kind.DATETIME:
        return as_datetime(number)
    if kind is Kind.DATE:
        return as_datetime(number * DAY_MS)
    if kind is Kind.TEXT:
        return _parsed(datetime.fromisoformat, text, _MOMENT)
    raise Misfit


def _timestamp(cell: Cell, zone: tzinfo) -> datetime:
    kind, _, text = cell
    try:
        if kind is Kind.TEXT and (offset := _OFFSET.search(text)) and _MOMENT.fullmatch(text[: offset.start()]):
            return _parsed(datetime.fromisoformat, text, _ANYTHING).astimezone(UTC)
        return _instant(_datetime(cell), zone)
    except OverflowError:
        raise Misfit("in UTC it lies outside the years 1 to 9999") from None


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return when a clock in the zone showed that; the first time, if it did so twice."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise Misfit(f"clocks in {zone} skipped that time")
    return instant


def _time(cell: Cell) -> time:
    kind, number, text = cell
    if kind is Kind.TIME:
        return as_datetime(number).time()
    if kind is Kind.DURATION and timedelta() <= timedelta(seconds=number) < timedelta(days=1):
        return as_datetime(round(number * 1000)).time()
    if kind is Kind.TEXT:
        return _parsed(time.fromisoformat, text, _CLOCK)
    raise Misfit


def _json(cell: Cell) -> str:
    if cell[0] not in {Kind.TEXT, Kind.INTEGER, Kind.NUMBER}:
        raise Misfit
    return _parsed(_checked_json, shown(cell), _ANYTHING)


def _checked_json(text: str) -> str:
    json.loads(text, parse_constant=_refuse)
    return text


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _parsed(parse: Callable[[str], Parsed], text: str, form: re.Pattern[str]) -> Parsed:
    if not form.fullmatch(text):
        raise Misfit
    try:
        return parse(text)
    except ValueError:
        raise Misfit from None


_READERS: dict[ColumnType, Callable[[Cell], Any]] = {
    ColumnType.STRING: shown,
    ColumnType.BYTES: _bytes,
    ColumnType.INT64: _int64,
    ColumnType.FLOAT64: _float64,
    ColumnType.BOOL: _bool,
    ColumnType.DATE: _date,
    ColumnType.TIME: _time,
    ColumnType.DATETIME: _datetime,
    ColumnType.JSON: _json,
}
