from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from worker.contract.options.google_sheet import Options
from worker.errors import ConfigurationError
from worker.sheets.headers import Merge
from worker.sheets.tabs import Tab, choose_tab, read_tabs

GRID = {"rowCount": 10, "columnCount": 28}


def spreadsheet(*properties: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - Google's JSON
    return {"properties": {"timeZone": "Europe/Kiev"}, "sheets": [{"properties": item, **more} for item in properties]}


def test_tabs_without_cells_are_none_to_read() -> None:
    chart = {"sheetId": 7, "title": "Chart", "sheetType": "OBJECT"}
    [tab] = read_tabs(spreadsheet(chart, {"sheetId": 8, "title": "Data", "gridProperties": GRID}))
    assert tab == Tab(8, "Data", 10, 28, "Europe/Kiev")


def test_spreadsheet_without_cells_is_refused() -> None:
    chart = {"sheetId": 7, "title": "Chart", "sheetType": "OBJECT"}
    with pytest.raises(ConfigurationError, match="expected a tab with cells, got a spreadsheet without any"):
        choose_tab(read_tabs(spreadsheet(chart)), Options(url="x"), print)


def test_first_tabs_number_is_left_out_by_google() -> None:
    merge = {"startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 2, "endColumnIndex": 4}
    [tab] = read_tabs(spreadsheet({"title": "Data", "gridProperties": GRID}, merges=[merge]))
    assert (tab.gid, tab.merges) == (0, (Merge(0, 1, 2, 4),))


def test_range_quotes_the_title() -> None:
    assert Tab(0, "Ann's", 10, 28, "UTC").a1(0, 10) == "'Ann''s'!A1:AB10"


@pytest.mark.parametrize(("name", "hours"), [("Etc/GMT", 0), ("Europe/Kiev", 2), ("GMT-07:00", -7), ("GMT+05:30", 5.5)])
def test_zone_is_known_by_its_name(name: str, hours: float) -> None:
    zone = Tab(0, "Data", 1, 1, name).zone
    assert datetime(2026, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Mars/Olympus", "/etc/passwd", ""])
def test_zone_that_nobody_knows_says_where_to_choose_one(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"got '{name}'; choose one in File > Settings"):
        _ = Tab(0, "Data", 1, 1, name).zone
