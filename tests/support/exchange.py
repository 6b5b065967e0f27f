"""Tickers in the sandbox's Yahoo that trade on the days of a real exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from sandbox.server import Sandbox
from sandbox.yahoo import Bar, Symbol
from tests.worker.sources.conformance import open_with
from worker.contract.run_spec import LoadMode
from worker.market.calendar import Calendar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from worker.contract.run_folder import PlannedUnit
    from worker.source import Source

_SINCE = date(2018, 1, 1)


@cache
def sessions(start: date, end: date, calendar: str = "XNYS") -> Sequence[date]:
    """Return the days on which an exchange trades, from `start` to `end`, both included."""
    return Calendar(calendar, _SINCE).sessions(start, end)


def bar(day: date, **prices: Any) -> Bar:  # noqa: ANN401 - the fields of Bar
    """Return a bar whose numbers tell its day."""
    number = float(day.toordinal() % 1000)
    plain = {"open": number, "high": number + 2, "low": number - 2, "close": number + 1, "volume": int(number) * 1000}
    return Bar(**{"day": day, **plain, **prices})


def traded(
    symbol: str,
    start: date,
    end: date,
    *,
    without: Collection[date] = (),
    calendar: str = "XNYS",
    **described: Any,  # noqa: ANN401 - the fields of Symbol
) -> Symbol:
    """Return a ticker that was traded on each session from `start` to `end`, but for those that Yahoo lacks."""
    bars = [bar(day) for day in sessions(start, end, calendar) if day not in without]
    return Symbol(symbol, bars, **{"first_trade_date": start, **described})


@dataclass
class Market:
    """The sandbox's Yahoo, and what loads read of it."""

    sandbox: Sandbox
    requests_before: int
    warnings: list[str] = field(default_factory=list)

    def list_tickers(self, *symbols: Symbol) -> None:
        """Let Yahoo know these tickers."""
        for symbol in symbols:
            self.sandbox.yahoo.add(symbol)

    def charts(self) -> list[str]:
        """Return the tickers whose charts Yahoo was asked for in this test, in order."""
        asked = self.sandbox.requests.of("yahoo", "/chart/")[self.requests_before :]
        return [unquote(request.path.rpartition("/")[2]) for request in asked]

    def open(self, options: dict[str, Any], **request: Any) -> Source:  # noqa: ANN401 - fields of Request
        """Open the source."""
        request = {"mode": LoadMode.PARTITIONS, "warn": self.warnings.append, **request}
        return open_with("stock_prices", options, **request)

    def plan(self, options: dict[str, Any], **request: Any) -> Sequence[PlannedUnit]:  # noqa: ANN401 - fields of Request
        """Return the units that a run has now."""
        return self.open(options, **request).plan()

    def rows(self, options: dict[str, Any], **request: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - fields of Request
        """Return all rows that a run reads."""
        source = self.open(options, **request)
        return [row for unit in source.plan() for batch in source.read(unit) for row in batch.to_pylist()]

    def days(self, options: dict[str, Any], **request: Any) -> dict[str, list[date]]:  # noqa: ANN401 - fields of Request
        """Return the days that a run reads, by ticker."""
        found: dict[str, list[date]] = {}
        for row in self.rows(options, **request):
            found.setdefault(row["symbol"], []).append(row["trade_date"])
        return found


@pytest.fixture(scope="session")
def yahoo_sandbox() -> Iterator[Sandbox]:
    """One for all tests of a process: yfinance keeps its connection, and with it the certificates, for good."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def market(yahoo_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Market:
    """A market without a ticker."""
    for name, value in yahoo_sandbox.environment.items():
        monkeypatch.setenv(name, value)
    yahoo_sandbox.faults.clear()
    for symbol in list(yahoo_sandbox.yahoo):
        yahoo_sandbox.yahoo.remove(symbol.symbol)
    return Market(yahoo_sandbox, yahoo_sandbox.requests.count("yahoo", "/chart/"))
