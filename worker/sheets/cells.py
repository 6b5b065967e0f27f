"""What kind of value a cell holds, from its effective value and its number format.

Dates and times are serial numbers: days since 1899-12-30, told from other numbers by the format alone.
Rules: https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a serial number has no zone: it is the wall clock of the sheet
DAY_MS = 86_400_000
EXACT_INTEGERS = 2**53
"""Whole numbers below this are exact in a double, which is what a sheet computes with."""
FIRST_DAY = (date.min - EPOCH.date()).days
LAST_DAY = (date.max - EPOCH.date()).days

_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


class Kind(IntEnum):
    """What a cell holds; the unit of the number that goes with it stands beside each kind."""

    EMPTY = 0
    TEXT = 1
    ERROR = 2  # the result of a formula that failed; its text is what the cell shows
    BOOL = 3  # 0 or 1
    INTEGER = 4  # a whole number that a double holds exactly
    NUMBER = 5
    DATE = 6  # days since the epoch
    DATETIME = 7  # milliseconds since the epoch, which is the most that a sheet shows
    TIME = 8  # milliseconds since midnight
    DURATION = 9  # seconds; unlike those of a time, its hours do not wrap at 24


Cell = tuple[Kind, float, str]
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


def read_cell(cell: dict[str, Any]) -> Cell:
    """Return what a `CellData` holds; the format decides only about numbers, so text keeps its leading zeros."""
    value = cell.get("effectiveValue")
    if not value:
        return EMPTY
    if (number := value.get("numberValue")) is not None:
        shown = cell.get("effectiveFormat")
        return _plain(number) if not shown else _formatted(number, shown.get("numberFormat", {}))
    if (text := value.get("stringValue")) is not None:
        return (Kind.TEXT, 0.0, text) if text else EMPTY
    if (truth := value.get("boolValue")) is not None:
        return Kind.BOOL, float(truth), ""
    if (error := value.get("errorValue")) is not None:
        return Kind.ERROR, 0.0, _ERRORS.get(error.get("type"), "#ERROR!")
    return EMPTY


def shown(cell: Cell) -> str:
    """Return a cell as text: ISO dates, shortest numbers; text as it is."""
    kind, number, text = cell
    if kind is Kind.EMPTY:
        return ""
    if kind in {Kind.TEXT, Kind.ERROR}:
        return text
    return _AS_TEXT[kind](number)


def as_date(days: float) -> date:
    """Return the day that many days after the epoch of serial numbers."""
    return EPOCH.date() + timedelta(days=int(days))


def as_datetime(milliseconds: float) -> datetime:
    """Return the wall clock that many milliseconds after the epoch of serial numbers."""
    return EPOCH + timedelta(milliseconds=int(milliseconds))


def _plain(number: float) -> Cell:
    whole = -EXACT_INTEGERS < number < EXACT_INTEGERS and number == int(number)
    return Kind.INTEGER if whole else Kind.NUMBER, number, ""


def _formatted(number: float, number_format: dict[str, str]) -> Cell:
    kind = _kind_of_format(number_format.get("type", ""), number_format.get("pattern", ""))
    if kind is Kind.INTEGER:
        return _plain(number)
    if kind is Kind.TEXT:
        return Kind.TEXT, 0.0, shown(_plain(number))
    if kind is Kind.DURATION:
        return kind, round(number * DAY_MS) / 1000, ""
    return _moment(kind, number)


def _moment(kind: Kind, serial: float) -> Cell:
    """Tell what a date or time is by its serial number, also where its format hides a part of it."""
    milliseconds = round(serial * DAY_MS)
    day, rest = divmod(milliseconds, DAY_MS)
    if not FIRST_DAY <= day <= LAST_DAY:
        return _plain(serial)
    if kind is Kind.DATE and not rest:
        return kind, float(day), ""
    if kind is Kind.TIME and day:
        kind = Kind.DATETIME
    return Kind.DATETIME if kind is Kind.DATE else kind, float(milliseconds), ""


@cache
def _kind_of_format(name: str, pattern: str) -> Kind:
    if name == "TIME" and _ELAPSED.search(pattern):
        return Kind.DURATION
    known = {"DATE": Kind.DATE, "DATE_TIME": Kind.DATETIME, "TIME": Kind.TIME, "TEXT": Kind.TEXT}
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
