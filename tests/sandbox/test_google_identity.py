from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth.exceptions
import gspread
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from sandbox.sheets import Spreadsheet
from tests.sandbox.clients import google as gspread_client

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SHEETS = "https://www.googleapis.com/auth/spreadsheets.readonly"


def _key(sandbox: Sandbox) -> dict[str, str]:
    return dict(json.loads(Path(sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text(encoding="utf-8")))


def _token(key: dict[str, str]) -> str:
    """Sign in as Google's own client does it."""
    credentials: Any = Credentials.from_service_account_info(key, scopes=[SHEETS])  # type: ignore[no-untyped-call]
    credentials.refresh(Request())
    return str(credentials.token)


def _get(sandbox: Sandbox, path: str, token: str) -> httpx.Response:
    return httpx.get(sandbox.url + path, headers={"Authorization": f"Bearer {token}"})


def test_signed_assertion_is_exchanged_for_a_token(sandbox: Sandbox) -> None:
    sandbox.sheets.add(Spreadsheet("book"))
    assert _get(sandbox, "/v4/spreadsheets/book", _token(_key(sandbox))).status_code == 200
    assert sandbox.requests.count("oauth") == 1


def test_key_file_is_for_its_owner_alone(sandbox: Sandbox) -> None:
    assert Path(sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"]).stat().st_mode & 0o077 == 0


def test_assertion_of_another_key_is_refused(sandbox: Sandbox) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with pytest.raises(google.auth.exceptions.RefreshError, match="Invalid JWT Signature"):
        _token(_key(sandbox) | {"private_key": pem})


def test_assertion_of_another_account_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(google.auth.exceptions.RefreshError, match="account not found"):
        _token(_key(sandbox) | {"client_email": "other@example.com"})


def test_request_without_a_token_is_unauthenticated(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/v4/spreadsheets/book")
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_scope_of_sheets_does_not_open_drive(sandbox: Sandbox) -> None:
    answer = _get(sandbox, "/drive/v3/files/book", _token(_key(sandbox)))
    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_client_signs_in_again_when_its_token_has_expired(sandbox: Sandbox) -> None:
    sandbox.sheets.add(Spreadsheet("book"))
    opened = gspread_client(sandbox).open_by_key("book")
    sandbox.identity.expire_tokens()
    assert isinstance(opened.worksheets()[0], gspread.Worksheet)
    assert sandbox.requests.count("oauth") == 2
