"""A client of an ASGI application in this process, for tests that are not asynchronous themselves."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partialmethod
from typing import TYPE_CHECKING, Any

import httpx
from anyio.from_thread import start_blocking_portal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anyio.from_thread import BlockingPortal


class Client:
    """Sends requests; an answer comes when what runs in the background is done, too."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal = portal
        self._client = client

    def request(self, method: str, path: str, **what: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own arguments
        return self._portal.call(lambda: self._client.request(method, path, **what))

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")


@contextmanager
def client_of(app: Callable[..., Any], base_url: str = "http://127.0.0.1:8080") -> Iterator[Client]:
    """Yield a client; an error that the application raises is what its caller would see of it: a 500."""
    with start_blocking_portal() as portal:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=base_url, timeout=60
        )
        yield Client(portal, client)
        portal.call(client.aclose)
