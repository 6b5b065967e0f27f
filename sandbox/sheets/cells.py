"""What a cell holds: a value, how it is shown, and perhaps the formula it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# The epoch of serial numbers: https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  a serial number has no zone; it is local time in the spreadsheet's

FormatType = Literal["TEXT", "NUMBER", "PERCENT", "CURRENCY", "DATE", "TIME", "DATE_TIME", "SCIENTIFIC"]
ErrorText = Literal["#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!", "Loading..."]

_ERROR_TYPES: dict[str, str] = {
    "#NULL!": "NULL_VALUE",
    "#DIV/0!": "DIVIDE_BY_ZERO",
    "#VALUE!": "VALUE",
    "#REF!": "REF",
    "#NAME?": "NAME",
    "#NUM!": "NUM",
    "#N/A": "N_A",
    "#ERROR!": "ERROR",
    "Loading...": "LOADING",
}


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are shown; types and patterns are Google's."""

    type: FormatType
    pattern: str


TEXT = NumberFormat("TEXT", "@")
NUMBER = NumberFormat("NUMBER", "#,##0.00")
PERCENT = NumberFormat("PERCENT", "0.00%")
CURRENCY = NumberFormat("CURRENCY", '"$"#,##0.00')
SCIENTIFIC = NumberFormat("SCIENTIFIC", "0.00E+00")
DATE = NumberFormat("DATE", "yyyy-mm-dd")
TIME = NumberFormat("TIME", "h:mm:ss am/pm")
DATE_TIME = NumberFormat("DATE_TIME", "yyyy-mm-dd h:mm:ss")
# The API has no type for durations: Sheets' own Format > Number > Duration is a time whose hours do not wrap.
DURATION = NumberFormat("TIME", "[h]:mm:ss")


@dataclass(frozen=True, slots=True)
class ErrorValue:
    """An error that a formula came to, by the text that is shown."""

    text: ErrorText
    message: str = ""

    def __post_init__(self) -> None:
        if self.text not in get_args(ErrorText):
            raise ValueError(f"error cell: expected one of {', '.join(get_args(ErrorText))}, got {self.text!r}")

    @property
    def type(self) -> str:
        return _ERROR_TYPES[self.text]


Scalar = bool | int | float | str | ErrorValue | None
Temporal = date | datetime | time | timedelta


@dataclass(frozen=True, slots=True)
class Cell:
    """A value that is more than a bare one: formatted, or computed by a formula.

    A date, datetime, time or timedelta becomes a serial number, in the format that Sheets gives it or in the given one.
    """

    value: Scalar | Temporal
    number_format: NumberFormat | None = None
    formula: str | None = None


Given = Scalar | Temporal | Cell  # what a test or a user writes
Stored = (
    bool | int | float | str | Cell | None
)  # what a tab keeps: bare values bare, so that a million of them are cheap


def stored(given: Given, zone: ZoneInfo) -> Stored:
    """Turn what was written into what is kept; instants become local time in the spreadsheet's `zone`."""
    if given is None or isinstance(given, (bool, int)):
        return given
    if isinstance(given, float):
        return _number(given)
    if isinstance(given, str):
        return given or None
    if isinstance(given, Cell):
        return _stored_cell(given, zone)
    if isinstance(given, ErrorValue):
        return Cell(given)
    return _stored_cell(Cell(given), zone)


def _stored_cell(cell: Cell, zone: ZoneInfo) -> Cell | None:
    value = cell.value
    if value is None:
        return None  # a format alone is nothing that a reader gets to see
    if isinstance(value, float):
        return replace(cell, value=_number(value))
    if isinstance(value, (date, time, timedelta)):
        serial, usual = _serial(value, zone)
        return replace(cell, value=serial, number_format=cell.number_format or usual)
    return cell


def _serial(value: Temporal, zone: ZoneInfo) -> tuple[float, NumberFormat]:
    if isinstance(value, datetime):
        local = value.astimezone(zone).replace(tzinfo=None) if value.tzinfo else value
        return _number((local - EPOCH) / timedelta(days=1)), DATE_TIME
    if isinstance(value, date):
        return (value - EPOCH.date()).days, DATE
    if isinstance(value, time):
        midnight = datetime.combine(EPOCH, time(), UTC)
        return _number((datetime.combine(EPOCH, value, UTC) - midnight) / timedelta(days=1)), TIME
    return _number(value / timedelta(days=1)), DURATION


def _number(value: float) -> float:
    """Return an int where there is no fraction, as Google writes numbers."""
    if not math.isfinite(value):
        raise ValueError(f"cell: expected a finite number, got {value}; Sheets has no such value")
    return int(value) if value.is_integer() else value
