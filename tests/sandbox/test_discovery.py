from __future__ import annotations

from typing import TYPE_CHECKING

import gspread
import pytest

from sandbox.discovery import Discovery, discovery
from sandbox.field_mask import FieldMask
from sandbox.server import Sandbox
from sandbox.sheets import Spreadsheet
from tests.sandbox.clients import google

if TYPE_CHECKING:
    from collections.abc import Sequence

GET = "sheets.spreadsheets.get"


@pytest.fixture
def sheets_v4() -> Discovery:
    described = discovery("sheets.v4")
    assert described is not None, "google-api-python-client and jsonschema are development dependencies"
    return described


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ({"spreadsheet_id": "x"}, "spreadsheet_id"),
        ({"sheets": [{"properties": {"sheetId": "0"}}]}, "'0' is not of type 'integer'"),
        ({"sheets": [{"properties": {"sheetType": "CHART"}}]}, "'CHART' is not one of"),
        ({"sheets": [{"data": [{"rowData": [{"values": [{"effectiveValue": 1}]}]}]}]}, "1 is not of type 'object'"),
    ],
)
def test_answer_that_google_would_not_give_is_caught(sheets_v4: Discovery, answer: object, wrong: str) -> None:
    [violation] = sheets_v4.answer_violations(GET, answer)
    assert wrong in violation


@pytest.mark.parametrize(
    ("query", "fields", "wrong"),
    [
        ({"range": ["A1"]}, "", "query parameter 'range' does not exist"),
        ({"includeGridData": ["yes"]}, "", "query parameter 'includeGridData' is 'yes', not true or false"),
        ({"includeGridData": ["true", "true"]}, "", "query parameter 'includeGridData' is given 2 times"),
        ({"commentsViewMode": ["ALL"]}, "", "query parameter 'commentsViewMode' is 'ALL', not one of"),
        ({}, "sheets.data.rows", "field 'sheets.data.rows' does not exist"),
    ],
)
def test_request_that_google_does_not_know_is_caught(
    sheets_v4: Discovery, query: dict[str, Sequence[str]], fields: str, wrong: str
) -> None:
    [violation] = sheets_v4.request_violations(GET, query, FieldMask.parse(fields))
    assert violation.startswith(wrong)


def test_request_and_answer_as_described_pass(sheets_v4: Discovery) -> None:
    mask = FieldMask.parse("sheets(data(rowData(values(effectiveFormat(numberFormat(type))))))")
    assert sheets_v4.request_violations(GET, {"ranges": ["A1", "B2"], "alt": ["json"]}, mask) == []
    assert sheets_v4.answer_violations(GET, {"spreadsheetId": "x", "properties": {"title": "T"}}) == []


def test_violation_is_answered_with_500_and_remembered() -> None:
    with Sandbox() as sandbox:
        book = sandbox.sheets.add(Spreadsheet("book"))
        opened = google(sandbox).open_by_key("book")
        book.tabs[0].id = "zero"  # type: ignore[assignment]
        with pytest.raises(gspread.exceptions.APIError) as refused:
            opened.worksheets()
        with pytest.raises(gspread.exceptions.APIError, match="'rows' does not exist"):
            opened.values_get("A1", {"rows": "2"})
    assert refused.value.code == 500
    assert [violation.split(":")[0] for violation in sandbox.violations] == [GET, "sheets.spreadsheets.values.get"]
    assert "'zero' is not of type 'integer'" in sandbox.violations[0]
