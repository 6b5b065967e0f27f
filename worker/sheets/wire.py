"""Google's Sheets and Drive APIs through gspread: as whom, at which address, with deadlines, asked again when busy."""

from __future__ import annotations

import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import google.auth
import gspread
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from gspread.exceptions import APIError
from gspread.urls import DRIVE_FILES_API_V3_URL, SPREADSHEET_URL, SPREADSHEET_VALUES_URL
from requests import RequestException
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from worker.errors import ConfigurationError
from worker.sheets.faults import Asked, Busy, RangeGone, gave_up, is_busy, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from requests import Response

SCOPES = (
    "https://www.googleapis.com/auth/spreadsheets.readonly",
    "https://www.googleapis.com/auth/drive.metadata.readonly",
)
TRIES = 3

_SHEETS, _DRIVE = "Google Sheets API", "Google Drive API"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker waits. Google works on a request for 180 s at most and counts requests by the minute.

    https://developers.google.com/workspace/sheets/api/limits
    """

    connect_seconds: float = 10.0
    silence_seconds: float = 190.0
    pause_seconds: float = 1.0
    """After the first busy answer; after the second twice that; up to twice as much by jitter."""
    quota_pause_seconds: float = 15.0
    """The same after an answer that a quota is used up."""
    longest_pause_seconds: float = 120.0
    """Who asks for a longer one gets it from the next attempt, not from a worker that waits."""


class SheetsClient:
    """Reads spreadsheets as one account.

    Every method raises `ConfigurationError` or `Unavailable`, and none of gspread's errors.
    """

    def __init__(self, environment: Mapping[str, str], patience: Patience = Patience()) -> None:
        """Find the credentials; nothing is asked yet.

        `SHEETS_API_URL` and `DRIVE_API_URL` name other servers than Google's.

        Raises:
            ConfigurationError: there are no credentials, or they cannot be read.
        """
        elsewhere = {
            urlsplit(SPREADSHEET_URL).netloc: environment.get("SHEETS_API_URL"),
            urlsplit(DRIVE_FILES_API_V3_URL).netloc: environment.get("DRIVE_API_URL"),
        }
        self._http = _Http(_credentials(), elsewhere, patience)
        self._patience = patience
        self.received_bytes = 0
        """Size of the last answer."""

    @property
    def account(self) -> str:
        """Return whom a file must be shared with, as far as that is known."""
        email = getattr(self._http.auth, "service_account_email", None)
        return email if email and "@" in email else "the account of the application default credentials"

    def spreadsheet(self, spreadsheet_id: str, fields: str) -> dict[str, Any]:
        """Return what `fields` names of a spreadsheet."""
        return self._ask(_SHEETS, spreadsheet_id, SPREADSHEET_URL % spreadsheet_id, {"fields": fields})

    def grids(self, spreadsheet_id: str, ranges: Sequence[str], fields: str) -> list[dict[str, Any]]:
        """Return what `fields` names of the `GridData` of each range; all are in one sheet.

        Raises:
            RangeGone: a range is not there.
        """
        parameters = {"ranges": list(ranges), "fields": fields}
        answer = self._ask(_SHEETS, spreadsheet_id, SPREADSHEET_URL % spreadsheet_id, parameters)
        grids: list[dict[str, Any]] = answer["sheets"][0].get("data", [])
        return grids

    def values(self, spreadsheet_id: str, a1: str, dates: str = "SERIAL_NUMBER") -> list[list[Any]]:
        """Return the rows of values of a range, unformatted: errors as text, dates as numbers or `FORMATTED_STRING`.

        Raises:
            RangeGone: the range is not there.
        """
        parameters = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": dates}
        address = SPREADSHEET_VALUES_URL % (spreadsheet_id, quote(a1, safe=""))
        rows: list[list[Any]] = self._ask(_SHEETS, spreadsheet_id, address, parameters).get("values", [])
        return rows

    def version(self, spreadsheet_id: str) -> str:
        """Return Drive's version of the file, which every change raises except that of a volatile formula's value."""
        address = f"{DRIVE_FILES_API_V3_URL}/{spreadsheet_id}"
        parameters = {"fields": "version", "supportsAllDrives": "true"}
        return str(self._ask(_DRIVE, spreadsheet_id, address, parameters)["version"])

    def _ask(self, api: str, spreadsheet_id: str, address: str, parameters: dict[str, Any]) -> dict[str, Any]:
        def asked() -> Asked:
            # Some credentials learn their e-mail only with their first token.
            return Asked(api, urlsplit(address).netloc, spreadsheet_id, self.account)

        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=self._pause,
            retry=retry_if_exception(self._is_worth_waiting),
            reraise=True,
        )
        try:
            return tries(self._ask_once, asked, address, parameters)
        except Busy as busy:
            raise gave_up(asked(), busy) from busy

    def _ask_once(self, asked: Callable[[], Asked], address: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._http.request("get", address, params={**parameters, "prettyPrint": "false"})
            self.received_bytes = len(response.content)
            return _document(response)
        except APIError as error:
            raise _classified(error, asked()) from error
        except RefreshError as error:
            raise _not_granted(error, asked()) from error
        except (GoogleAuthError, RequestException) as error:
            raise Busy(_first_line(error)) from error

    def _is_worth_waiting(self, error: BaseException) -> bool:
        return isinstance(error, Busy) and (error.retry_after_seconds or 0.0) <= self._patience.longest_pause_seconds

    def _pause(self, state: RetryCallState) -> float:
        """Wait as long as asked to; else longer each time."""
        busy = state.outcome.exception() if state.outcome else None
        if not isinstance(busy, Busy):
            return 0.0
        if busy.retry_after_seconds is not None:
            return busy.retry_after_seconds * random.uniform(1.0, 1.2)
        pause = self._patience.quota_pause_seconds if busy.throttled else self._patience.pause_seconds
        return pause * state.attempt_number * random.uniform(1.0, 2.0)


class _Http(gspread.HTTPClient):
    """gspread's client, with deadlines, and pointed at other hosts where the environment names them."""

    def __init__(self, auth: Any, hosts: Mapping[str, str | None], patience: Patience) -> None:  # noqa: ANN401 - google-auth's credentials
        super().__init__(auth)
        self.set_timeout((patience.connect_seconds, patience.silence_seconds))
        # Google compresses for those whose name says that they want it.
        self.session.headers["User-Agent"] = "sluice (gzip)"
        self._hosts = hosts

    def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - gspread's own
        url = urlsplit(endpoint)
        if elsewhere := self._hosts.get(url.netloc):
            there = urlsplit(elsewhere)
            endpoint = url._replace(scheme=there.scheme, netloc=there.netloc).geturl()
        return super().request(method, endpoint, *args, **kwargs)


def _document(response: Response) -> dict[str, Any]:
    try:
        document: dict[str, Any] = response.json()
    except ValueError:
        raise Busy(f"{response.status_code} with something that is not JSON") from None
    return document


def _credentials() -> Any:  # noqa: ANN401 - google-auth's credentials, of many classes
    try:
        return google.auth.default(scopes=SCOPES)[0]
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            "GOOGLE_APPLICATION_CREDENTIALS: expected the path of a service account's key file (or default credentials"
            f" of this machine), got: {_first_line(error)}; set it"
        ) from error


def _classified(error: APIError, asked: Asked) -> Exception:
    status = error.response.status_code
    said = str(error.error.get("message", "")).strip()
    if is_busy(status, error.error):
        return Busy(
            f"{status} {_first_line(said)!r}",
            throttled=status in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS},
            retry_after_seconds=_retry_after(error),
        )
    if status == HTTPStatus.BAD_REQUEST and ("exceeds grid limits" in said or "Unable to parse range" in said):
        return RangeGone(said)
    return refusal(status, error.error, asked)


def _not_granted(error: RefreshError, asked: Asked) -> Exception:
    if error.retryable:
        return Busy(_first_line(error))
    return ConfigurationError(
        f"GOOGLE_APPLICATION_CREDENTIALS: expected a key that Google knows for {asked.account},"
        f" got {_first_line(error)!r}; make a new key"
    )


def _retry_after(error: APIError) -> float | None:
    text = error.response.headers.get("Retry-After", "")
    return float(text) if text.replace(".", "", 1).isdigit() else None


def _first_line(error: object) -> str:
    lines = str(error.args[0] if isinstance(error, GoogleAuthError) and error.args else error).splitlines()
    return lines[0][:300] if lines else type(error).__name__
