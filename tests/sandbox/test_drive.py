from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gspread
import pytest

from sandbox.sheets import OFFICE_WORKBOOK, Spreadsheet
from tests.sandbox.clients import google

if TYPE_CHECKING:
    from sandbox.server import Sandbox

FILES = "https://www.googleapis.com/drive/v3/files/"


def _file(sandbox: Sandbox, file_id: str, fields: str | None = None) -> dict[str, Any]:
    return dict(google(sandbox).http_client.request("get", FILES + file_id, params={"fields": fields}).json())


def test_file_shows_version_and_kind(sandbox: Sandbox) -> None:
    sheet = sandbox.sheets.add(Spreadsheet("book", "My book"))
    sandbox.sheets.add(Spreadsheet("office", mime_type=OFFICE_WORKBOOK))
    sheet.write("A1", [[1]])
    assert _file(sandbox, "book", fields="name,version,trashed") == {
        "name": "My book",
        "version": "2",
        "trashed": False,
    }
    assert _file(sandbox, "office", fields="mimeType") == {"mimeType": OFFICE_WORKBOOK}


def test_file_without_a_mask_is_what_drive_gives_by_default(sandbox: Sandbox) -> None:
    sandbox.sheets.add(Spreadsheet("book"))
    assert set(_file(sandbox, "book")) == {"kind", "id", "name", "mimeType"}


def test_gspread_reads_the_times_of_a_file(sandbox: Sandbox) -> None:
    sandbox.sheets.add(Spreadsheet("book"))
    opened = google(sandbox).open_by_key("book")
    assert opened.creationTime.endswith("Z")
    assert opened.get_lastUpdateTime() >= opened.creationTime


@pytest.mark.parametrize("file_id", ["hidden", "nowhere"])
def test_file_that_is_not_shared_is_not_found(sandbox: Sandbox, file_id: str) -> None:
    sandbox.sheets.add(Spreadsheet("hidden", shared=False))
    with pytest.raises(gspread.exceptions.APIError) as refused:
        _file(sandbox, file_id)
    assert refused.value.error["errors"][0]["reason"] == "notFound"
    assert refused.value.code == 404
