from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sandbox.sheets import CURRENCY, DATE, NUMBER, PERCENT, SCIENTIFIC, TEXT, Cell, ErrorValue, NumberFormat
from sandbox.sheets.cells import Given, stored
from sandbox.sheets.number_format import shown

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 1, 2, 12, 30, 15)  # noqa: DTZ001  local time in the spreadsheet's zone


@pytest.mark.parametrize(
    ("given", "serial"),
    [
        (date(1899, 12, 30), 0),
        (date(1900, 1, 1), 2),
        (date(2024, 1, 2), 45293),
        (datetime(1900, 2, 1, 15), 33.625),  # noqa: DTZ001  Google's own example
        (datetime(2024, 1, 2, 23, tzinfo=UTC), 45294),
        (time(18), 0.75),
        (timedelta(hours=30), 1.25),
        (timedelta(hours=-6), -0.25),
    ],
)
def test_cell_keeps_times_as_serial_numbers_of_the_zone(given: Given, serial: float) -> None:
    kept = stored(given, BERLIN)
    assert isinstance(kept, Cell)
    assert kept.value == serial


@pytest.mark.parametrize("given", [float("nan"), float("inf")])
def test_cell_refuses_numbers_that_sheets_has_not(given: float) -> None:
    with pytest.raises(ValueError, match="expected a finite number"):
        stored(given, BERLIN)


def test_error_cell_refuses_an_unknown_error() -> None:
    with pytest.raises(ValueError, match="expected one of #NULL!"):
        ErrorValue("#NOPE!")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, ""),
        (True, "TRUE"),
        ("0012", "0012"),
        (7, "7"),
        (2.0, "2"),
        (39.1, "39.1"),
        (1 / 3, "0.3333333333"),
        (1e20, "1E+20"),
        (ErrorValue("#N/A"), "#N/A"),
        (Cell(0.1234, PERCENT), "12.34%"),
        (Cell(-1234.5, CURRENCY), "-$1,234.50"),
        (Cell(1234567, NUMBER), "1,234,567.00"),
        (Cell(12, TEXT), "12"),
        (Cell(12345, SCIENTIFIC), "1.23E+04"),
        (Cell(1.5, NumberFormat("NUMBER", "0.##")), "1.5"),
        (Cell(1, NumberFormat("NUMBER", "0.##")), "1"),
        (Cell(5, NumberFormat("NUMBER", '0" kg"')), "5 kg"),
        (date(2024, 1, 2), "2024-01-02"),
        (Cell(date(2024, 1, 2), NumberFormat("DATE", "m/d/yy")), "1/2/24"),
        (Cell(date(2024, 1, 2), NumberFormat("DATE", "dddd, mmmm d")), "Tuesday, January 2"),
        (NOON, "2024-01-02 12:30:15"),
        (Cell(NOON, NumberFormat("DATE_TIME", "dd.mm.yyyy hh:mm")), "02.01.2024 12:30"),
        (Cell(NOON, NumberFormat("TIME", "h am/pm")), "12 PM"),
        (time(9, 5), "9:05:00 AM"),
        (Cell(time(0, 5), NumberFormat("TIME", "mm:ss.000")), "05:00.000"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        (Cell(1.5, DATE), "1899-12-31"),
    ],
)
def test_value_is_shown_as_sheets_shows_it(given: Given, text: str) -> None:
    assert shown(stored(given, BERLIN)) == text
