from __future__ import annotations

from typing import Any

import pytest

from worker.errors import ConfigurationError
from worker.sheets.faults import Asked, Busy, gave_up, is_busy, refusal

ASKED = Asked("Google Sheets API", "sheets.googleapis.com", "abc", "bot@example.com")


def reason(name: str) -> dict[str, Any]:
    return {"message": "no", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name}]}


@pytest.mark.parametrize(
    ("status", "error", "busy"),
    [
        (429, {}, True),
        (500, {}, True),
        (503, {}, True),
        (408, {}, True),
        (403, {"errors": [{"reason": "userRateLimitExceeded"}]}, True),
        (403, {"errors": [{"reason": "forbidden"}]}, False),
        (403, {}, False),
        (404, {}, False),
        (400, {}, False),
    ],
)
def test_busy_is_what_another_try_may_change(status: int, error: dict[str, Any], busy: bool) -> None:
    assert is_busy(status, error) is busy


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (403, reason("SERVICE_DISABLED"), "expected it to be enabled in the project of bot@example.com"),
        (403, reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT"), "log in again with the scopes spreadsheets.readonly"),
        (403, {"message": "The caller does not have permission"}, "share the file with bot@example.com as Viewer"),
        (401, {"message": "Request had invalid authentication credentials."}, "make a new key"),
        (404, {}, "correct the URL, or share the file with bot@example.com as Viewer"),
        (400, {"message": "This operation is not supported for this document"}, "Save as Google Sheets"),
        (400, {"message": "The document must not be an Office file."}, "Save as Google Sheets"),
        (400, {"message": "Unknown field"}, "got 400 'Unknown field'; correct the source"),
        (410, {}, "got 410 'status 410'; correct the source"),
    ],
)
def test_refusal_says_what_to_do(status: int, error: dict[str, Any], says: str) -> None:
    found = refusal(status, error, ASKED)
    assert isinstance(found, ConfigurationError)
    assert says in str(found)


def test_giving_up_tells_a_used_up_quota_from_an_outage() -> None:
    assert str(gave_up(ASKED, Busy("429 'Quota exceeded'", throttled=True))).endswith("or raise the quota")
    assert str(gave_up(ASKED, Busy("503 'Backend'"))).endswith("got 503 'Backend'; it is tried again")
