"""What Google's refusals and outages become, and when a sheet is not read at all."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sandbox.sheets import OFFICE_WORKBOOK, Spreadsheet, Tab
from tests.support.sheet_loads import Loaded, load_sheet
from tests.worker.sources.conformance import open_with
from worker.contract.custom_schema import Column, ColumnType, Mode
from worker.errors import ConfigurationError, Unavailable
from worker.sheets.wire import Patience

if TYPE_CHECKING:
    from sandbox.server import Sandbox

HASTY = Patience(connect_seconds=1, silence_seconds=0.2, pause_seconds=0)
ACCOUNT = "sandbox@sandbox-project.iam.gserviceaccount.com"
FILE = "https://docs.google.com/spreadsheets/d/sales"


@pytest.fixture
def sheet(sandbox: Sandbox) -> Spreadsheet:
    return sandbox.sheets.add(Spreadsheet("sales", tabs=[Tab("Sheet1", [["name"], ["Ann"]])]))


class TestRefusals:
    def test_no_permission_names_account_file_and_role(self, sheet: Spreadsheet) -> None:
        sheet.shared = False
        with pytest.raises(ConfigurationError) as caught:
            load_sheet(sheet)
        assert str(caught.value) == (
            f"source.url: expected {ACCOUNT} to be allowed to read {FILE}, got 'The caller does not have permission';"
            f" share the file with {ACCOUNT} as Viewer"
        )

    def test_api_that_is_not_enabled_says_where_to_enable_it(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        sandbox.sheets.api_enabled = False
        with pytest.raises(
            ConfigurationError, match=r"expected it to be enabled .* Enable it by visiting http"
        ) as caught:
            load_sheet(sheet)
        assert caught.value.fingerprint

    def test_file_that_is_not_there_is_named(self, sandbox: Sandbox) -> None:
        with pytest.raises(
            ConfigurationError, match=rf"^source\.url: expected a spreadsheet at {FILE}, got none .*; correct"
        ):
            load_sheet(FILE)

    def test_office_file_says_how_to_make_it_a_sheet(self, sheet: Spreadsheet) -> None:
        sheet.mime_type = OFFICE_WORKBOOK
        with pytest.raises(
            ConfigurationError, match=r"got a file of another kind \(such as \.xlsx\).*Save as Google Sheets"
        ):
            load_sheet(sheet)

    def test_missing_key_file_names_the_variable(self, sheet: Spreadsheet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
        with pytest.raises(ConfigurationError, match=r"^GOOGLE_APPLICATION_CREDENTIALS: expected .*/nowhere/key.json"):
            load_sheet(sheet)

    def test_key_that_google_does_not_know_names_the_account(
        self, sandbox: Sandbox, sheet: Spreadsheet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        key = json.loads(Path(sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
        revoked = tmp_path / "key.json"
        revoked.write_text(json.dumps({**key, "client_email": "gone@example.com"}))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(revoked))
        with pytest.raises(
            ConfigurationError, match=r"a key that Google knows for gone@example\.com.*; make a new key"
        ) as caught:
            load_sheet(sheet)
        assert key["private_key"] not in str(caught.value)


class TestOutages:
    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_busy_answer_is_asked_for_again(self, sandbox: Sandbox, sheet: Spreadsheet, status: int) -> None:
        sandbox.faults.add(service="sheets", status=status, retry_after=0, times=2)
        assert load_sheet(sheet).rows == [("Ann",)]

    @pytest.mark.parametrize("status", [429, 503])
    def test_three_tries_are_made(self, sandbox: Sandbox, sheet: Spreadsheet, status: int) -> None:
        sandbox.faults.add(service="sheets", status=status, retry_after=0, times=None)
        with pytest.raises(
            Unavailable, match=rf"^Google Sheets API: expected an answer about {FILE}, got {status} "
        ) as caught:
            load_sheet(sheet)
        assert sandbox.requests.count("sheets") == 3
        assert caught.value.fingerprint == "sheets.googleapis.com"

    def test_long_wait_is_left_to_the_next_attempt(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        sandbox.faults.add(service="sheets", status=429, retry_after=3600)
        with pytest.raises(Unavailable):
            load_sheet(sheet)
        assert sandbox.requests.count("sheets") == 1

    @pytest.mark.parametrize("kind", ["cut_off", "garbage", "reset"])
    def test_spoilt_answer_is_asked_for_again(self, sandbox: Sandbox, sheet: Spreadsheet, kind: str) -> None:
        sandbox.faults.add(service="sheets", kind=kind, times=2)
        assert load_sheet(sheet, patience=HASTY).rows == [("Ann",)]

    def test_answer_that_does_not_come_in_time_is_unavailable(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        sandbox.faults.add(service="sheets", kind="slow", delay_seconds=30, times=None)
        with pytest.raises(Unavailable, match="timed out"):
            load_sheet(sheet, patience=HASTY)

    def test_token_that_expired_is_renewed(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        source = open_with("google_sheet", {"url": sheet.url})
        [unit] = source.plan()
        sandbox.identity.expire_tokens()
        assert [batch.num_rows for batch in source.read(unit)] == [1]

    def test_address_where_nobody_listens_is_unavailable(
        self, sheet: Spreadsheet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            monkeypatch.setenv("SHEETS_API_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
                load_sheet(sheet, patience=HASTY)


class TestSkippingAnUnchangedSheet:
    def load(self, sheet: Spreadsheet, cursor: object, **request: Any) -> Loaded:  # noqa: ANN401 - fields of a request
        there = {"cursor": cursor, "existing": lambda: pa.schema([pa.field("name", pa.utf8())])}
        return load_sheet(sheet, there | request, skip_unchanged=True)

    def cursor(self, sheet: Spreadsheet) -> Any:  # noqa: ANN401 - a cursor is any JSON
        """Return what a load of the sheet as it is would leave."""
        (unit,) = self.load(sheet, None).units
        return unit.cursor

    def test_cursor_is_the_version_that_was_read(self, sheet: Spreadsheet) -> None:
        assert self.cursor(sheet)["version"] == str(sheet.version)

    def test_unchanged_sheet_has_nothing_to_load(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        cursor = self.cursor(sheet)
        asked = sandbox.requests.count("sheets")
        assert self.load(sheet, cursor).units == []
        assert sandbox.requests.count("sheets") == asked

    def test_changed_sheet_is_loaded(self, sheet: Spreadsheet) -> None:
        cursor = self.cursor(sheet)
        sheet.append("Sheet1", [["Bob"]])
        assert self.load(sheet, cursor).rows == [("Ann",), ("Bob",)]

    def test_unchanged_sheet_is_loaded_into_another_schema(self, sheet: Spreadsheet) -> None:
        another = [Column(name="name", type=ColumnType.STRING, mode=Mode.REQUIRED)]
        assert self.load(sheet, self.cursor(sheet), custom_schema=another).rows == [("Ann",)]

    @pytest.mark.parametrize("request_", [{"failed_before": True}, {"existing": lambda: None}])
    def test_unchanged_sheet_is_loaded_after_a_failure_or_without_a_table(
        self, sheet: Spreadsheet, request_: dict[str, Any]
    ) -> None:
        assert self.load(sheet, self.cursor(sheet), **request_).rows == [("Ann",)]

    def test_drive_is_not_asked_unless_told_to(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        assert load_sheet(sheet, {"cursor": str(sheet.version)}).rows == [("Ann",)]
        assert sandbox.requests.count("drive") == 0

    def test_drive_that_is_down_is_unavailable(self, sandbox: Sandbox, sheet: Spreadsheet) -> None:
        sandbox.faults.add(service="drive", retry_after=0, times=None)
        with pytest.raises(Unavailable, match=r"^Google Drive API: "):
            self.load(sheet, None)
