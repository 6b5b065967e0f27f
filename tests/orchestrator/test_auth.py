"""Who may speak to the API."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from orchestrator.auth import Guard, is_loopback, refuse_open_door, tick_token
from orchestrator.errors import SettingsError
from tests.support.asgi import Client, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

TOKEN = "correct-horse"
PATHS = ("/tick", "/configs", "/metrics", "/docs", "/openapi.json", "/nowhere", "/healthz/", "/readyz/x")


@contextmanager
def _guarded(token: str | None) -> Iterator[Client]:
    def inside(request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    app = Starlette(routes=[Route("/{rest:path}", inside, methods=["GET", "POST"])])
    with client_of(Guard(app, token)) as client:
        yield client


@pytest.fixture
def guarded() -> Iterator[Client]:
    """Behind a token."""
    with _guarded(TOKEN) as client:
        yield client


@pytest.fixture
def local() -> Iterator[Client]:
    """On loopback, without a token."""
    with _guarded(None) as client:
        yield client


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", PATHS)
def test_everything_wants_the_token(guarded: Client, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]["faults"][0]["where"] == "authorization"
    assert guarded.get(path, headers=_bearer(TOKEN)).text == "inside"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_open_to_all(guarded: Client, local: Client, path: str) -> None:
    assert guarded.get(path).text == "inside"
    assert local.get(path, headers={"Host": "evil.example"}).text == "inside"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ümlaut"],
)
def test_what_is_not_the_token_is_refused(guarded: Client, header: str) -> None:
    assert guarded.get("/configs", headers={"Authorization": header.encode()}).status_code == 401


def test_scheme_is_read_in_any_case(guarded: Client) -> None:
    assert guarded.get("/configs", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200


def test_workers_token_is_good_for_a_tick_and_nothing_else(guarded: Client) -> None:
    assert TOKEN not in tick_token(TOKEN)
    assert guarded.post("/tick?run=1", headers=_bearer(tick_token(TOKEN))).text == "inside"
    for path in PATHS[1:]:
        assert guarded.get(path, headers=_bearer(tick_token(TOKEN))).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.1.2.3"])
def test_without_token_this_machine_may_enter(local: Client, host: str) -> None:
    assert local.get("/configs", headers={"Host": host}).text == "inside"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "192.168.1.5", "localhost.evil.example", "", "[::"]
)
def test_without_token_another_name_is_refused(local: Client, host: str) -> None:
    """A site whose name was made to point at 127.0.0.1 reaches the port, but says its own name."""
    answer = local.post("/tick", headers={"Host": host})
    assert answer.status_code == 403
    assert "ADMIN_TOKEN" in answer.json()["error"]["message"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:8081"])
def test_without_token_another_sites_page_is_refused(local: Client, origin: str) -> None:
    assert local.post("/tick", headers={"Origin": origin}).status_code == 403


def test_without_token_the_apis_own_page_may_call(local: Client) -> None:
    assert local.post("/tick", headers={"Origin": "http://127.0.0.1:8080"}).text == "inside"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_without_token_it_does_not_listen_beyond_loopback(host: str) -> None:
    with pytest.raises(SettingsError, match="ADMIN_TOKEN: expected a token, since others can reach") as caught:
        refuse_open_door(host, None)
    assert str(caught.value).count(". ") == 0
    refuse_open_door(host, TOKEN)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    refuse_open_door(host, None)
