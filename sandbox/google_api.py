"""What Google's REST services have in common: operations, sign-in, error bodies, and the check of both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sandbox.field_mask import FieldMask, FieldMaskError
from sandbox.streamed_json import Json, head
from sandbox.web import Reply, Request, json_reply, streamed_reply

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.discovery import Discovery
    from sandbox.google_identity import Identity

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CHECKED_ITEMS = 20  # of each long array; what holds for the first rows is made by the same templates for the others


class GoogleError(Exception):
    """An answer that is an error: HTTP status, Google's message, its name of the status, and details."""

    def __init__(self, status: int, message: str, status_name: str = "", **details: Json) -> None:
        super().__init__(message)
        self.status = status
        name = status_name or _STATUS_NAMES.get(status, "UNKNOWN")
        self.body = {"error": {"code": status, "message": message, "status": name, **details}}

    def reply(self) -> Reply:
        # Only a missing sign-in is challenged, as RFC 6750 wants it.
        challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if self.status == 401 else {}  # noqa: PLR2004
        return json_reply(self.body, self.status, **challenge)


@dataclass(frozen=True)
class Operation:
    """A method of the service: its id in the discovery document, where it answers, and how."""

    id: str
    path: re.Pattern[str]
    answer: Callable[[Mapping[str, str], Request, FieldMask], Json]


class Inspection:
    """Holds requests and answers to Google's description, where that is installed, and remembers what broke it."""

    def __init__(self, discovery: Discovery | None, violations: list[str]) -> None:
        self._discovery = discovery
        self._violations = violations

    def request(self, method_id: str, request: Request, mask: FieldMask) -> None:
        """Raise `GoogleError` 500 when no such request can be made."""
        if self._discovery:
            self._must_hold(method_id, self._discovery.request_violations(method_id, request.query, mask))

    def answer(self, method_id: str, document: Json) -> None:
        """Raise `GoogleError` 500 when Google would never answer so."""
        if self._discovery:
            self._must_hold(method_id, self._discovery.answer_violations(method_id, head(document, _CHECKED_ITEMS)))

    def _must_hold(self, method_id: str, wrong: Sequence[str]) -> None:
        self._violations.extend(f"{method_id}: {sentence}" for sentence in wrong)
        if wrong:
            raise GoogleError(500, f"{method_id}: not as Google's discovery document describes it: {'; '.join(wrong)}")


class GoogleApi:
    """Finds the operation, checks sign-in, request and answer, and applies the field mask."""

    def __init__(
        self, operations: Sequence[Operation], scopes: Sequence[str], identity: Identity, inspection: Inspection
    ) -> None:
        self._operations = operations
        self._scopes = scopes
        self._identity = identity
        self._inspection = inspection

    def answer(self, request: Request) -> Reply:
        try:
            return self._answer(request)
        except GoogleError as error:
            return error.reply()
        except FieldMaskError as error:
            return GoogleError(400, f"Request contains an invalid argument: Invalid field selection {error}").reply()

    def _answer(self, request: Request) -> Reply:
        self._identity.admit(request.headers.get("Authorization", ""), self._scopes)
        operation, names = self._operation(request)
        mask = FieldMask.parse(request.parameter("fields"))
        self._inspection.request(operation.id, request, mask)
        document = mask.select(operation.answer(names, request, mask))
        self._inspection.answer(operation.id, document)
        return streamed_reply(document)

    def _operation(self, request: Request) -> tuple[Operation, dict[str, str]]:
        for operation in self._operations:
            match = operation.path.fullmatch(request.path)
            if match and request.method == "GET":
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        raise GoogleError(
            501, f"The sandbox serves no {request.method} {unquote(request.path)}; it is read over the wire only"
        )


def bare_error(status: int, service_name: str) -> Reply:
    """Return the error that Google words like this when the service as a whole is the reason."""
    messages = {
        429: "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' "
        f"of service '{service_name}' for consumer 'project_number:123456789012'.",
        500: "Internal error encountered.",
        503: "The service is currently unavailable.",
    }
    return GoogleError(status, messages.get(status, f"The sandbox was told to answer {status}.")).reply()
