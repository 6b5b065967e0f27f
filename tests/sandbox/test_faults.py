from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gspread
import httpx
import pytest
import requests
from slack_sdk.errors import SlackApiError

from sandbox.faults import Faults
from sandbox.sheets import Spreadsheet
from tests.sandbox.clients import google, slack

if TYPE_CHECKING:
    from sandbox.server import Sandbox


@pytest.fixture
def opened(sandbox: Sandbox) -> gspread.Spreadsheet:
    sandbox.sheets.add(Spreadsheet("book"))
    return google(sandbox).open_by_key("book")


@pytest.mark.parametrize(
    ("status", "name"),
    [(429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE"), (403, "PERMISSION_DENIED")],
)
def test_status_is_worded_as_google_does(sandbox: Sandbox, opened: gspread.Spreadsheet, status: int, name: str) -> None:
    sandbox.faults.add(service="sheets", status=status, retry_after=1)
    with pytest.raises(gspread.exceptions.APIError) as refused:
        opened.worksheets()
    assert refused.value.error["status"] == name
    assert refused.value.response.headers["Retry-After"] == "1"
    assert len(opened.worksheets()) == 1


def test_rate_limit_is_worded_as_slack_does(sandbox: Sandbox) -> None:
    sandbox.faults.add(service="slack", status=429, retry_after=7)
    with pytest.raises(SlackApiError) as refused:
        slack(sandbox).chat_postMessage(channel="#alerts", text="a")
    assert refused.value.response["error"] == "ratelimited"
    assert refused.value.response.headers["Retry-After"] == "7"


def test_slow_answer_outlasts_the_clients_patience(sandbox: Sandbox, opened: gspread.Spreadsheet) -> None:
    sandbox.faults.add(service="sheets", kind="slow", delay_seconds=60)
    opened.client.set_timeout(0.1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        opened.worksheets()


def test_slow_answer_does_not_hold_up_the_end(sandbox: Sandbox) -> None:
    sandbox.faults.add(service="slack", kind="slow", delay_seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{sandbox.url}/api/auth.test", timeout=0.05)
    started = time.monotonic()
    sandbox.close()
    assert time.monotonic() - started < 5


def test_answer_that_is_cut_off_is_noticed(sandbox: Sandbox, opened: gspread.Spreadsheet) -> None:
    sandbox.faults.add(service="sheets", kind="cut_off")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        opened.worksheets()


def test_garbage_is_no_json(sandbox: Sandbox, opened: gspread.Spreadsheet) -> None:
    sandbox.faults.add(service="sheets", kind="garbage")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        opened.worksheets()


def test_reset_breaks_the_connection(sandbox: Sandbox, opened: gspread.Spreadsheet) -> None:
    sandbox.faults.add(service="sheets", kind="reset")
    with pytest.raises(requests.exceptions.ConnectionError):
        opened.worksheets()


def test_fault_happens_as_often_as_asked_and_only_where_it_matches() -> None:
    faults = Faults()
    faults.add(service="sheets", status=500, times=2, match="/values/'My tab'")
    targets = ["/v4/spreadsheets/x", "/v4/x/values/'My tab'!A1", "/v4/x/values/'My tab'!A2", "/v4/x/values/'My tab'!A3"]
    assert [faults.take("sheets", target) is not None for target in targets] == [False, True, True, False]
    assert faults.take("drive", targets[1]) is None


def test_fault_without_an_end_lasts_until_it_is_cleared() -> None:
    faults = Faults()
    faults.add(service="sheets", times=None)
    assert all(faults.take("sheets", "/") for _ in range(5))
    faults.clear()
    assert faults.take("sheets", "/") is None


def test_fault_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected kind as one of status, slow"):
        Faults().add(service="sheets", kind="odd")


def test_fault_is_added_and_cleared_over_the_wire(sandbox: Sandbox) -> None:
    address = f"{sandbox.url}/_faults"
    added = httpx.post(address, json={"service": "slack", "status": 500})
    assert [fault["service"] for fault in added.json()["faults"]] == ["slack"]
    assert httpx.get(f"{sandbox.url}/api/auth.test").status_code == 500
    httpx.post(address, json={"service": "slack", "times": None})
    assert httpx.delete(address).json() == {"faults": []}
    assert httpx.post(address, json={"service": "slack", "odd": 1}).status_code == 400


def test_messages_and_requests_are_shown_over_the_wire(sandbox: Sandbox) -> None:
    slack(sandbox).chat_postMessage(channel="#alerts", text="hello")
    assert httpx.get(f"{sandbox.url}/_messages").json()["messages"][0]["text"] == "hello"
    assert httpx.get(f"{sandbox.url}/_requests").json()["requests"]["slack"] == 1


def test_traffic_waits_for_what_is_to_come(sandbox: Sandbox, opened: gspread.Spreadsheet) -> None:
    sandbox.requests.wait("sheets", 1, match="/v4/spreadsheets/book")
    with pytest.raises(TimeoutError, match="expected 2 requests"):
        sandbox.requests.wait("sheets", 2, timeout_seconds=0.01)
    sandbox.requests.clear()
    assert sandbox.requests.counts() == {}
