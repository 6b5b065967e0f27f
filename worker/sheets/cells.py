"""What kind of value a cell holds, from its effective value and its number format.

Dates and times are serial numbers: days since 1899-12-30, told from other numbers by the format alone.
Rules: https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Scalar: TypeAlias = str | bool | int | float
"""A value in JSON."""
CellData: TypeAlias = dict[str, Any]
"""https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/cells#CellData"""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a serial number has no zone: it is the wall clock of the sheet
_SERIAL_OF_EPOCH = 25_569
DAY_MS = 86_400_000
EXACT_INTEGERS = 2**53
"""Whole numbers below this are exact in a double, which is what a sheet computes with."""
_FIRST_DAY = (date.min - _EPOCH.date()).days
_LAST_DAY = (date.max - _EPOCH.date()).days

_NOTHING: CellData = {}
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


class Kind(IntEnum):
    """What a cell holds; the unit of the number that goes with it stands beside each kind."""

    EMPTY = 0
    TEXT = 1
    ERROR = 2  # the result of a formula that failed; its text is what the cell shows
    BOOL = 3  # 0 or 1
    INTEGER = 4  # a whole number that a double holds exactly
    NUMBER = 5
    DATE = 6  # days since 1970
    DATETIME = 7  # milliseconds since 1970, which is the most that a sheet shows
    TIME = 8  # milliseconds since midnight
    DURATION = 9  # seconds; unlike those of a time, its hours do not wrap at 24


Cell: TypeAlias = tuple[Kind, float, str]
"""Kind, number, text; what does not apply is 0 or empty."""

EMPTY: Cell = (Kind.EMPTY, 0.0, "")
LOADING = "Loading..."

_ERRORS = {
    "NULL_VALUE": "#NULL!",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "N_A": "#N/A",
    "LOADING": LOADING,
}
ERROR_TEXTS = frozenset({*_ERRORS.values(), "#ERROR!"})


def scalar(cell: CellData) -> Scalar:
    """Return the value in a `CellData` as `spreadsheets.values` gives it, unformatted; nothing is the empty text."""
    for name, value in cell.get("effectiveValue", _NOTHING).items():
        return error_text(value) if name == "errorValue" else value
    return ""


def error_text(error: dict[str, Any]) -> str:
    """Return an `ErrorValue` as the sheet shows it."""
    return _ERRORS.get(error.get("type", ""), "#ERROR!")


def says_more(cell: CellData) -> bool:
    """Tell whether a `CellData` has an error or a number format, and is not what a mask leaves of an object: `{}`."""
    if not cell:
        return False
    return bool(
        cell.get("effectiveFormat", _NOTHING).get("numberFormat")
        or cell.get("effectiveValue", _NOTHING).get("errorValue")
    )


def read_cell(value: Scalar, cell: CellData) -> Cell:
    """Return what a cell holds: a value, and a `CellData` that has at least its error and its number format.

    The format decides about numbers alone, so text keeps its leading zeros.
    """
    error = cell.get("effectiveValue", _NOTHING).get("errorValue")
    if error is not None:
        return Kind.ERROR, 0.0, error_text(error)
    if isinstance(value, str):
        return (Kind.TEXT, 0.0, value) if value else EMPTY
    if isinstance(value, bool):
        return Kind.BOOL, float(value), ""
    number_format = cell.get("effectiveFormat", _NOTHING).get("numberFormat")
    return _formatted(value, number_format) if number_format else _plain(value)


def shown(cell: Cell) -> str:
    """Return a cell as text: ISO dates, shortest numbers; text as it is."""
    kind, number, text = cell
    if kind is Kind.EMPTY:
        return ""
    if kind in {Kind.TEXT, Kind.ERROR}:
        return text
    return _AS_TEXT[kind](number)


def as_date(days: float) -> date:
    """Return the day that many days after 1970-01-01."""
    return _EPOCH.date() + timedelta(days=int(days))


def as_datetime(milliseconds: float) -> datetime:
    """Return the wall clock that many milliseconds after 1970-01-01 00:00."""
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def number_kind(number: float) -> Kind:
    """Tell whole numbers from others."""
    return Kind.INTEGER if -EXACT_INTEGERS < number < EXACT_INTEGERS and number == int(number) else Kind.NUMBER


def _plain(number: float) -> Cell:
    return number_kind(number), number, ""


def _formatted(number: float, number_format: dict[str, str]) -> Cell:
    kind = _kind_of_format(number_format.get("type", ""), number_format.get("pattern", ""))
    if kind is Kind.INTEGER:
        return _plain(number)
    if kind is Kind.DURATION:
        return kind, round(number * DAY_MS) / 1000, ""
    return _moment(kind, number)


def _moment(kind: Kind, serial: float) -> Cell:
    """Tell what a date or time is by its serial number, also where its format hides a part of it."""
    day, rest = divmod(round(serial * DAY_MS), DAY_MS)
    if kind is Kind.TIME and not day:
        return kind, float(rest), ""
    day -= _SERIAL_OF_EPOCH
    if not _FIRST_DAY <= day <= _LAST_DAY:
        return _plain(serial)
    if kind is Kind.DATE and not rest:
        return kind, float(day), ""
    return Kind.DATETIME, float(day * DAY_MS + rest), ""


@cache
def _kind_of_format(name: str, pattern: str) -> Kind:
    if name == "TIME" and _ELAPSED.search(pattern):
        return Kind.DURATION
    known = {"DATE": Kind.DATE, "DATE_TIME": Kind.DATETIME, "TIME": Kind.TIME}
    return known.get(name, Kind.INTEGER)


def _duration_as_text(seconds: float) -> str:
    minutes, milliseconds = divmod(round(abs(seconds) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{'-' if seconds < 0 else ''}{hours}:{minutes:02}:{milliseconds // 1000:02}"
    return f"{text}.{milliseconds % 1000:03}" if milliseconds % 1000 else text


def _datetime_as_text(milliseconds: float) -> str:
    moment = as_datetime(milliseconds)
    return moment.isoformat(" ", "milliseconds" if moment.microsecond else "seconds")


_AS_TEXT: dict[Kind, Callable[[float], str]] = {
    Kind.BOOL: lambda truth: "TRUE" if truth else "FALSE",
    Kind.INTEGER: lambda number: str(int(number)),
    Kind.NUMBER: lambda number: repr(float(number)),
    Kind.DATE: lambda days: as_date(days).isoformat(),
    Kind.DATETIME: _datetime_as_text,
    Kind.TIME: lambda milliseconds: _datetime_as_text(milliseconds).partition(" ")[2],
    Kind.DURATION: _duration_as_text,
}
