"""Yahoo Finance as yfinance asks it: cookie, consent, crumb, then charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

from sandbox.web import Reply, Request, json_reply, text_reply
from sandbox.yahoo.chart import ChartError, chart, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.yahoo.symbol import Symbol

_CRUMB = "sandbox.crumb"
_SET_COOKIE = {"Set-Cookie": "A3=sandbox; Max-Age=31557600; Domain=.yahoo.com; Path=/; SameSite=None; Secure; HttpOnly"}
# The real fc.yahoo.com answers 404 too: its cookie is all that anybody wants of it.
_COOKIE = Reply(b"", 404, "text/html", _SET_COOKIE)
_CONSENT = Reply(
    b'<html><body><form method="post"><input type="hidden" name="csrfToken" value="sandbox">'
    b'<input type="hidden" name="sessionId" value="sandbox"></form></body></html>',
    content_type="text/html",
    headers=_SET_COOKIE,
)
_CHART = "/v8/finance/chart/"
_SUMMARY = "/v10/finance/quoteSummary/"


class Yahoo:
    """The symbols of the sandbox, and the service that serves them on every host of Yahoo's."""

    name: ClassVar[str] = "yahoo"
    prefixes: ClassVar[tuple[str, ...]] = ("/",)

    def __init__(self) -> None:
        self._symbols: dict[str, Symbol] = {}
        self._pages: Mapping[str, Callable[[Request], Reply]] = {
            "/": lambda _: _COOKIE,
            "/consent": lambda _: _CONSENT,
            "/v2/collectConsent": lambda _: _COOKIE,
            "/copyConsent": lambda _: _COOKIE,
            "/v1/test/getcrumb": _crumb,
        }

    def add(self, symbol: Symbol) -> Symbol:
        """Add a symbol, or replace the one of that name, and return it."""
        self._symbols[symbol.symbol] = symbol
        return symbol

    def remove(self, symbol: str) -> None:
        del self._symbols[symbol]

    def __getitem__(self, symbol: str) -> Symbol:
        return self._symbols[symbol]

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._symbols.values())

    def answer(self, request: Request) -> Reply:
        if request.path.startswith(_CHART):
            return self._chart(request)
        if request.path.startswith(_SUMMARY):
            return _no_summary(unquote(request.path.removeprefix(_SUMMARY)))
        page = self._pages.get(request.path)
        if page is None:
            error = {"code": "Not Found", "description": f"The sandbox has no {request.path}"}
            return json_reply({"finance": {"result": None, "error": error}}, 404)
        return page(request)

    def refusal(self, status: int) -> Reply:
        return text_reply("Too Many Requests\r\n" if status == 429 else f"Error {status}\r\n", status)  # noqa: PLR2004  HTTP's own number

    def _chart(self, request: Request) -> Reply:
        if request.parameter("crumb", _CRUMB) != _CRUMB:
            error = {"code": "Unauthorized", "description": "Invalid Crumb"}
            return json_reply({"finance": {"result": None, "error": error}}, 401)
        try:
            symbol = self._symbols.get(unquote(request.path.removeprefix(_CHART)))
            if symbol is None or symbol.delisted or not symbol.bars:
                raise not_found()
            return json_reply(chart(symbol, request))
        except ChartError as error:
            return json_reply(error.body, error.status)


def _crumb(request: Request) -> Reply:
    if "A3=" not in request.headers.get("Cookie", ""):
        error = {"code": "Unauthorized", "description": "Invalid Cookie"}
        return json_reply({"finance": {"result": None, "error": error}}, 401)
    return text_reply(_CRUMB)


def _no_summary(symbol: str) -> Reply:
    # yfinance asks for it only when it finds no chart, to learn that there is no such symbol.
    error = {"code": "Not Found", "description": f"Quote not found for symbol: {symbol}"}
    return json_reply({"quoteSummary": {"result": None, "error": error}}, 404)
