"""What an answer of Google that is no data means for a load: try again, or a person must change something."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from worker.errors import ConfigurationError, Unavailable, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BUSY_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_DISABLED_REASONS = {"SERVICE_DISABLED", "accessNotConfigured"}
_SCOPE_REASONS = {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"}


class Busy(Exception):  # noqa: N818 - it names the fault
    """The other side could not answer now; it may if asked again."""

    def __init__(self, got: str, *, throttled: bool = False, retry_after_seconds: float | None = None) -> None:
        """Keep what came instead of an answer, and when the other side wants to be asked again."""
        super().__init__(got)
        self.throttled = throttled
        self.retry_after_seconds = retry_after_seconds


class RangeGone(Exception):  # noqa: N818 - it names the fault
    """The range is not there: the tab shrank or was renamed after it had been looked up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which API was asked, for which file, as whom."""

    api: str
    """`Google Sheets API` or `Google Drive API`."""
    host: str
    spreadsheet_id: str
    account: str
    """E-mail of the service account, or words for whoever it is."""

    @property
    def file(self) -> str:
        """The file as a person can open it."""
        return f"https://docs.google.com/spreadsheets/d/{self.spreadsheet_id}"


def is_busy(status: int, error: Mapping[str, Any]) -> bool:
    """Tell whether the same request may be answered later; Drive says so with 403, too."""
    if status == HTTPStatus.FORBIDDEN:
        return bool(_BUSY_REASONS & set(_reasons(error)))
    return (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def gave_up(asked: Asked, busy: Busy) -> Unavailable:
    """Return the error for an answer that did not come in several tries."""
    fix = "ask less often, or raise the quota" if busy.throttled else "it is tried again"
    return Unavailable(f"{asked.api}: expected an answer about {asked.file}, got {busy}; {fix}", fingerprint=asked.host)


def refusal(status: int, error: Mapping[str, Any], asked: Asked) -> WorkerError:
    """Return the error for an answer that asking again will not change."""
    said = str(error.get("message", "")).strip() or f"status {status}"
    reasons = set(_reasons(error))
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(said, reasons, asked)
    if status == HTTPStatus.NOT_FOUND:
        return _not_found(asked)
    if status == HTTPStatus.UNAUTHORIZED:
        return ConfigurationError(
            f"GOOGLE_APPLICATION_CREDENTIALS: expected credentials that {asked.api} accepts, got {said!r}"
            f" for {asked.account}; make a new key"
        )
    if status == HTTPStatus.BAD_REQUEST and ("not supported for this document" in said or "Office file" in said):
        return ConfigurationError(
            f"source.url: expected a Google Sheet, got a file of another kind (such as .xlsx) at {asked.file};"
            " open it and choose File > Save as Google Sheets, then use the URL of the copy"
        )
    return ConfigurationError(f"{asked.api}: expected data of {asked.file}, got {status} {said!r}; correct the source")


def _forbidden(said: str, reasons: set[str], asked: Asked) -> ConfigurationError:
    if reasons & _DISABLED_REASONS or "it is disabled" in said:
        return ConfigurationError(
            f"{asked.api}: expected it to be enabled in the project of {asked.account}, got {said!r};"
            " enable it there and wait a few minutes",
            fingerprint=f"{asked.api} disabled for {asked.account}",
        )
    if reasons & _SCOPE_REASONS or "insufficient authentication scopes" in said:
        return ConfigurationError(
            f"GOOGLE_APPLICATION_CREDENTIALS: expected credentials with read access to {asked.api}, got {said!r} for"
            f" {asked.account}; use a service account, or log in again with the scopes spreadsheets.readonly and"
            " drive.metadata.readonly",
            fingerprint=f"scopes of {asked.account}",
        )
    return ConfigurationError(
        f"source.url: expected {asked.account} to be allowed to read {asked.file}, got {said!r};"
        f" share the file with {asked.account} as Viewer"
    )


def _not_found(asked: Asked) -> ConfigurationError:
    return ConfigurationError(
        f"source.url: expected a spreadsheet at {asked.file}, got none (or none that {asked.account} may see);"
        f" correct the URL, or share the file with {asked.account} as Viewer"
    )


def _reasons(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reasons that a person did not write: Sheets puts them into `details`, Drive into `errors`."""
    for item in (*error.get("details", ()), *error.get("errors", ())):
        if reason := item.get("reason"):
            yield reason
