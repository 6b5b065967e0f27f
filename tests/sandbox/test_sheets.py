from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import gspread
import pytest

from sandbox.sheets import OFFICE_WORKBOOK, PERCENT, Cell, ErrorValue, Spreadsheet, Tab
from tests.sandbox.clients import google

if TYPE_CHECKING:
    from sandbox.server import Sandbox
    from sandbox.sheets.cells import Given

ROWS: list[list[Given]] = [
    ["name", "day", "share"],
    ["ä", date(2024, 1, 2), Cell(0.5, PERCENT)],
    [None, Cell(3, formula="=1+2"), None],
    [True, ErrorValue("#N/A", "no match"), timedelta(hours=30)],
    [None, "", None],
]
TYPED = (
    "properties(timeZone,locale),sheets(properties(sheetId,title,gridProperties),merges,"
    "data(rowData.values(effectiveValue,effectiveFormat.numberFormat,formattedValue)))"
)


@pytest.fixture
def book(sandbox: Sandbox) -> Spreadsheet:
    tabs = [Tab("It's", ROWS), Tab("Q4", [["a", "b", "c"], [1, 2, 3]], merges=["A1:B1"], row_count=5, column_count=4)]
    return sandbox.sheets.add(Spreadsheet("book", "My book", tabs, time_zone="Europe/Berlin"))


def test_gspread_lists_tabs_and_reads_all_values(sandbox: Sandbox, book: Spreadsheet) -> None:
    opened = google(sandbox).open_by_url(book.url)
    assert [(tab.title, tab.id, tab.index) for tab in opened.worksheets()] == [("It's", 0, 0), ("Q4", 1, 1)]
    assert (opened.title, opened.locale, opened.timezone) == ("My book", "en_US", "Europe/Berlin")
    assert opened.worksheet("It's").get_all_values() == [
        ["name", "day", "share"],
        ["ä", "2024-01-02", "50.00%"],
        ["", "3", ""],
        ["TRUE", "#N/A", "30:00:00"],
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [["ä", "2024-01-02", "50.00%"], ["", "3"], ["TRUE", "#N/A", "30:00:00"]]),
        ({"valueRenderOption": "UNFORMATTED_VALUE"}, [["ä", 45293, 0.5], ["", 3], [True, "#N/A", 1.25]]),
        (
            {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"},
            [["ä", "2024-01-02", 0.5], ["", 3], [True, "#N/A", "30:00:00"]],
        ),
        ({"valueRenderOption": "FORMULA"}, [["ä", 45293, 0.5], ["", "=1+2"], [True, "#N/A", 1.25]]),
        (
            {"majorDimension": "COLUMNS"},
            [["ä", "", "TRUE"], ["2024-01-02", "3", "#N/A"], ["50.00%", "", "30:00:00"]],
        ),
    ],
)
def test_values_are_rendered_as_asked(
    sandbox: Sandbox, book: Spreadsheet, options: dict[str, Any], expected: list[list[Any]]
) -> None:
    assert google(sandbox).open_by_key("book").values_get("'It''s'!A2:C", options)["values"] == expected


def test_values_omit_what_is_empty_at_the_end_and_name_the_range(sandbox: Sandbox, book: Spreadsheet) -> None:
    opened = google(sandbox).open_by_key("book")
    assert opened.values_get("'Q4'!C1:D5") == {
        "range": "'Q4'!C1:D5",
        "majorDimension": "ROWS",
        "values": [["c"], ["3"]],
    }
    assert opened.values_get("'Q4'!A3:D") == {"range": "'Q4'!A3:D5", "majorDimension": "ROWS"}
    batch = opened.values_batch_get(["'Q4'!A1:A2", "A2"])
    assert [block["range"] for block in batch["valueRanges"]] == ["'Q4'!A1:A2", "'It''s'!A2"]


def test_spreadsheet_get_answers_typed_cells_in_the_wanted_fields(sandbox: Sandbox, book: Spreadsheet) -> None:
    answer = google(sandbox).open_by_key("book").fetch_sheet_metadata({"fields": TYPED, "ranges": "'It''s'!B2:C4"})
    number_format = {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}}
    share = {"numberFormat": {"type": "PERCENT", "pattern": "0.00%"}}
    duration = {"numberFormat": {"type": "TIME", "pattern": "[h]:mm:ss"}}
    error = {"errorValue": {"type": "N_A", "message": "no match"}}
    assert answer == {
        "properties": {"timeZone": "Europe/Berlin", "locale": "en_US"},
        "sheets": [
            {
                "properties": {"sheetId": 0, "title": "It's", "gridProperties": {"rowCount": 1000, "columnCount": 26}},
                "data": [
                    {
                        "rowData": [
                            {
                                "values": [
                                    {
                                        "effectiveValue": {"numberValue": 45293},
                                        "effectiveFormat": number_format,
                                        "formattedValue": "2024-01-02",
                                    },
                                    {
                                        "effectiveValue": {"numberValue": 0.5},
                                        "effectiveFormat": share,
                                        "formattedValue": "50.00%",
                                    },
                                ]
                            },
                            {"values": [{"effectiveValue": {"numberValue": 3}, "formattedValue": "3"}]},
                            {
                                "values": [
                                    {"effectiveValue": error, "formattedValue": "#N/A"},
                                    {
                                        "effectiveValue": {"numberValue": 1.25},
                                        "effectiveFormat": duration,
                                        "formattedValue": "30:00:00",
                                    },
                                ]
                            },
                        ]
                    }
                ],
            }
        ],
    }


def test_spreadsheet_get_gives_merges_and_the_start_of_a_range(sandbox: Sandbox, book: Spreadsheet) -> None:
    fields = "sheets(merges,data(startRow,startColumn,rowData.values.effectiveValue))"
    params: Any = {"fields": fields, "ranges": ["'Q4'!A1:B1", "'Q4'!C2:D"]}
    answer = google(sandbox).open_by_key("book").fetch_sheet_metadata(params)
    merge = {"sheetId": 1, "startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 2}
    assert answer["sheets"] == [
        {
            "merges": [merge],
            "data": [
                {"rowData": [{"values": [{"effectiveValue": {"stringValue": "a"}}]}]},
                {"startRow": 1, "startColumn": 2, "rowData": [{"values": [{"effectiveValue": {"numberValue": 3}}]}]},
            ],
        }
    ]


def test_spreadsheet_get_leaves_the_grid_out_unless_asked(sandbox: Sandbox, book: Spreadsheet) -> None:
    opened = google(sandbox).open_by_key("book")
    assert "data" not in opened.fetch_sheet_metadata()["sheets"][0]
    whole = opened.fetch_sheet_metadata({"includeGridData": "true"})["sheets"][1]["data"][0]["rowData"]
    assert whole[1]["values"][0] == {
        "userEnteredValue": {"numberValue": 1},
        "effectiveValue": {"numberValue": 1},
        "formattedValue": "1",
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("Nope!A1", "Unable to parse range: Nope!A1"),
        ("'Q4'!A6:B9", "Range ('Q4'!A6:B9) exceeds grid limits. Max rows: 5, max columns: 4"),
    ],
)
def test_bad_range_is_refused_in_googles_words(sandbox: Sandbox, book: Spreadsheet, wanted: str, message: str) -> None:
    with pytest.raises(gspread.exceptions.APIError) as refused:
        google(sandbox).open_by_key("book").values_get(wanted)
    assert refused.value.error == {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}


def test_range_without_a_tab_means_the_first_visible_one(sandbox: Sandbox) -> None:
    sandbox.sheets.add(Spreadsheet("book", tabs=[Tab("Hidden", [[1]], hidden=True), Tab("Seen", [[2]])]))
    opened = google(sandbox).open_by_key("book")
    assert opened.values_get("A1")["range"] == "Seen!A1"
    assert [tab.isSheetHidden for tab in opened.worksheets()] == [True, False]


def test_spreadsheet_that_is_missing_is_404(sandbox: Sandbox) -> None:
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        google(sandbox).open_by_key("nowhere")


def test_spreadsheet_that_is_not_shared_is_403(sandbox: Sandbox, book: Spreadsheet) -> None:
    book.shared = False
    with pytest.raises(PermissionError) as refused:
        google(sandbox).open_by_key("book")
    assert _error(refused.value) == {
        "code": 403,
        "message": "The caller does not have permission",
        "status": "PERMISSION_DENIED",
    }


def test_xlsx_in_drive_is_refused(sandbox: Sandbox) -> None:
    sandbox.sheets.add(Spreadsheet("office", mime_type=OFFICE_WORKBOOK))
    with pytest.raises(gspread.exceptions.APIError) as refused:
        google(sandbox).open_by_key("office")
    assert refused.value.error == {
        "code": 400,
        "message": "This operation is not supported for this document",
        "status": "FAILED_PRECONDITION",
    }


def test_disabled_api_says_so(sandbox: Sandbox, book: Spreadsheet) -> None:
    sandbox.sheets.api_enabled = False
    with pytest.raises(PermissionError) as refused:
        google(sandbox).open_by_key("book")
    error = _error(refused.value)
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["details"][0]["reason"] == "SERVICE_DISABLED"
    assert "has not been used in project" in error["message"]


def test_edits_show_and_raise_the_version_of_the_file(sandbox: Sandbox, book: Spreadsheet) -> None:
    opened = google(sandbox).open_by_key("book")
    book.write("'Q4'!B2", [[20, 30], [40]])
    book.append("Q4", [["end"]])
    assert opened.values_get("'Q4'")["values"] == [["a", "", "c"], ["1", "20", "30"], ["", "40"], ["end"]]
    book.rename("Q4", "Q5")
    book.put(Tab("Notes"))
    book.remove("It's")
    assert [(tab.title, tab.id) for tab in opened.worksheets()] == [("Q5", 1), ("Notes", 2)]
    assert book.version == 6
    book.recalculate("Notes!A1", [[1]])
    assert (book.version, opened.values_get("Notes")["values"]) == (6, [["1"]])


def test_unknown_tab_is_named_with_those_that_are(book: Spreadsheet) -> None:
    with pytest.raises(LookupError, match=r"expected a tab of .*Q4.*, got 'Nope'"):
        book.tab("Nope")


def _error(refused: BaseException) -> dict[str, Any]:
    """Unwrap the answer: gspread raises another error for a 403 and keeps it as the cause."""
    assert isinstance(refused.__cause__, gspread.exceptions.APIError)
    return dict(refused.__cause__.error)
