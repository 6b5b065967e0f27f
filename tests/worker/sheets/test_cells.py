from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from worker.sheets.cells import EMPTY, Kind, as_date, as_datetime, scalar, shown
from worker.sheets.cells import read_cell as read_known_cell

if TYPE_CHECKING:
    from worker.sheets.cells import Cell, CellData


def read_cell(cell: CellData) -> Cell:
    return read_known_cell(scalar(cell), cell)


def number(value: float, form: str = "", pattern: str = "") -> dict[str, Any]:
    cell: dict[str, Any] = {"effectiveValue": {"numberValue": value}}
    return cell | ({"effectiveFormat": {"numberFormat": {"type": form, "pattern": pattern}}} if form else {})


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ({}, Kind.EMPTY),
        ({"effectiveValue": {}}, Kind.EMPTY),
        ({"effectiveFormat": {"numberFormat": {"type": "DATE"}}}, Kind.EMPTY),
        ({"effectiveValue": {"stringValue": ""}}, Kind.EMPTY),
        ({"effectiveValue": {"stringValue": " "}}, Kind.TEXT),
        ({"effectiveValue": {"boolValue": False}}, Kind.BOOL),
        ({"effectiveValue": {"errorValue": {"type": "REF"}}}, Kind.ERROR),
        (number(0), Kind.INTEGER),
        (number(-3.0), Kind.INTEGER),
        (number(0.1), Kind.NUMBER),
        (number(2**53), Kind.NUMBER),
        (number(5, "NUMBER"), Kind.INTEGER),
        (number(5, "TEXT"), Kind.INTEGER),
        (number(5, "DATE"), Kind.DATE),
        (number(5.5, "DATE"), Kind.DATETIME),
        (number(5, "DATE_TIME"), Kind.DATETIME),
        (number(0.5, "TIME"), Kind.TIME),
        (number(1.5, "TIME"), Kind.DATETIME),
        (number(-0.5, "TIME"), Kind.DATETIME),
        (number(0.5, "TIME", "[h]:mm:ss"), Kind.DURATION),
        (number(0.5, "TIME", "[Red]h:mm"), Kind.TIME),
        (number(1e9, "DATE"), Kind.INTEGER),
        (number(-1e9, "DATE_TIME"), Kind.INTEGER),
    ],
)
def test_kind_comes_from_value_and_format(cell: dict[str, Any], kind: Kind) -> None:
    assert read_cell(cell)[0] is kind


def test_unknown_error_is_still_an_error() -> None:
    assert read_cell({"effectiveValue": {"errorValue": {"type": "ERROR_TYPE_UNSPECIFIED"}}}) == (
        Kind.ERROR,
        0.0,
        "#ERROR!",
    )


def test_serial_numbers_count_from_the_epoch() -> None:
    assert as_date(read_cell(number(2, "DATE"))[1]) == date(1900, 1, 1)
    noise = 46_082 + (12 * 3600 + 30 * 60) / 86_400  # a double does not hold that exactly
    assert as_datetime(read_cell(number(noise, "DATE_TIME"))[1]) == datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (EMPTY, ""),
        (read_cell(number(12.0)), "12"),
        (read_cell(number(0.1)), "0.1"),
        (read_cell(number(1e21)), "1e+21"),
        (read_cell({"effectiveValue": {"boolValue": True}}), "TRUE"),
        (read_cell({"effectiveValue": {"errorValue": {"type": "N_A"}}}), "#N/A"),
        (read_cell(number(46_082, "DATE")), "2026-03-01"),
        (read_cell(number(46_082, "DATE_TIME")), "2026-03-01 00:00:00"),
        (read_cell(number(0.5 + 0.007 / 86_400, "TIME")), "12:00:00.007"),
        (read_cell(number(-1.25, "TIME", "[h]:mm")), "-30:00:00"),
    ],
)
def test_shown_is_the_shortest_exact_text(cell: Any, text: str) -> None:  # noqa: ANN401 - a cell
    assert shown(cell) == text
