"""Who may speak to the HTTP API.

With a token, whoever sends it. Without one, only this machine: the server then listens on loopback alone, and refuses
what a web page in this machine's browser could send (another site's `Origin`, or another name that was made to point
here, as the `Host`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from orchestrator.errors import SettingsError, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""What anyone may ask."""
_TICK_PATH = "/tick"


def tick_token(admin_token: str) -> str:
    """Return the token that workers get: good for asking for a tick, and for nothing else."""
    return hmac.new(admin_token.encode(), b"tick", hashlib.sha256).hexdigest()


def refuse_open_door(host: str, admin_token: str | None) -> None:
    """Raise `SettingsError` if others could reach the API without a token."""
    if admin_token is None and not is_loopback(host):
        raise SettingsError(
            f"ADMIN_TOKEN: expected a token, since others can reach {host}, got none;"
            " set it, or listen on 127.0.0.1 (LISTEN_HOST)"
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware that lets a request through, or answers it with 401 or 403."""

    def __init__(self, app: ASGIApp, admin_token: str | None) -> None:
        """Guard everything behind it but `OPEN_PATHS`."""
        self._app = app
        self._token = admin_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        status, message = fault
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004 - Unauthorized
        await JSONResponse(problem(message), status, headers)(scope, receive, send)

    def _fault(self, scope: Scope) -> tuple[int, str] | None:
        if scope["path"] in OPEN_PATHS:
            return None
        headers = Headers(scope=scope)
        if self._token is None:
            return _foreign(headers)
        return _unknown(headers.get("authorization", ""), self._accepted(scope))

    def _accepted(self, scope: Scope) -> list[str]:
        token = self._token or ""
        return [token, tick_token(token)] if scope["path"] == _TICK_PATH else [token]


def _unknown(authorization: str, accepted: list[str]) -> tuple[int, str] | None:
    """Every comparison takes the same time, so that timing tells nothing about a token."""
    scheme, _, given = authorization.partition(" ")
    right = [hmac.compare_digest(given.strip().encode(), token.encode()) for token in accepted]
    if scheme.lower() == "bearer" and any(right):
        return None
    got = "another" if authorization else "none"
    return 401, f"authorization: expected `Bearer` and the ADMIN_TOKEN, got {got}; send the header"


def _foreign(headers: Headers) -> tuple[int, str] | None:
    host = _host_of(f"//{headers.get('host', '')}")
    if not is_loopback(host):
        return 403, f"host: expected a name of this machine's loopback, got {host!r}; set ADMIN_TOKEN to be called so"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return 403, f"origin: expected no other site, got {origin!r}; set ADMIN_TOKEN to be called from there"
    return None


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
