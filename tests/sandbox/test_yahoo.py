from __future__ import annotations

import json
import ssl
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.server import Sandbox
from sandbox.yahoo import Bar, Symbol
from tests.sandbox.clients import python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# One process reads everything, for yfinance takes seconds to import.
PROGRAM = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
import yfinance
logging.disable(logging.CRITICAL)
yfinance.config.debug.hide_exceptions = False

def read(symbol, start, end):
    try:
        history = yfinance.Ticker(symbol).history(start=start, end=end, auto_adjust=False, keepna=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    history["time"] = [str(moment) for moment in history.index]
    return history.astype(object).where(history.notna(), None).to_dict("records")

json.dump([read(*question) for question in json.loads(sys.stdin.read() or QUESTIONS)], sys.stdout)
"""
QUESTIONS = [
    ("SUMMER", "2024-03-07", "2024-03-13"),
    ("TOKYO", "2024-03-07", "2024-03-09"),
    ("NOPE", "2024-03-07", "2024-03-09"),
    ("GONE", "2024-03-07", "2024-03-09"),
    ("SUMMER", "2023-03-07", "2023-03-09"),
    ("LIMITED", "2024-03-01", "2024-03-02"),
    ("CUT_OFF", "2024-03-01", "2024-03-02"),
    ("RESET", "2024-03-01", "2024-03-02"),
    ("GARBAGE", "2024-03-01", "2024-03-02"),
]


def _bar(day: int, close: float | None = 10.5) -> Bar:
    return Bar(date(2024, 3, day), 10.0, 11.0, 9.0, close, 1000, None if close is None else close - 0.5)


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        bars = [_bar(12), _bar(7), Bar(date(2024, 3, 8), None, None, None, float("nan"), None), _bar(11), _bar(13)]
        splits, dividends = {date(2024, 3, 11): (4, 1)}, {date(2024, 3, 7): 0.24, date(2024, 3, 13): 9.0}
        sandbox.yahoo.add(Symbol("SUMMER", bars, splits=splits, dividends=dividends))
        sandbox.yahoo.add(Symbol("TOKYO", [_bar(7), _bar(8)], "Asia/Tokyo", "JPX", time(9), time(15), "JPY"))
        sandbox.yahoo.add(Symbol("GONE", [_bar(7)], delisted=True))
        sandbox.faults.add(service="yahoo", status=429, times=None, match="/chart/LIMITED")
        for kind in ("cut_off", "reset", "garbage"):
            sandbox.faults.add(service="yahoo", kind=kind, times=None, match=f"/chart/{kind.upper()}")
        yield sandbox


@pytest.fixture(scope="module")
def answers(world: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What unchanged yfinance makes of the questions, in their order."""
    program = f"QUESTIONS = {json.dumps(QUESTIONS)!r}\n{PROGRAM}"
    return list(json.loads(python(world, program, tmp_path_factory.mktemp("cache"))))


def test_yfinance_reads_days_from_start_to_before_end(answers: list[Any]) -> None:
    assert [row["time"] for row in answers[0]] == [
        "2024-03-07 00:00:00-05:00",
        "2024-03-08 00:00:00-05:00",
        "2024-03-11 00:00:00-04:00",
        "2024-03-12 00:00:00-04:00",
    ]


def test_yfinance_reads_prices_actions_and_holes(answers: list[Any]) -> None:
    first, hole, split, _ = answers[0]
    assert (first["Open"], first["High"], first["Low"], first["Close"], first["Adj Close"]) == (
        10.0,
        11.0,
        9.0,
        10.5,
        10.0,
    )
    assert (first["Volume"], first["Dividends"], first["Stock Splits"]) == (1000, 0.24, 0.0)
    assert (hole["Open"], hole["Close"], split["Stock Splits"]) == (None, None, 4.0)


def test_yfinance_knows_the_exchanges_zone(answers: list[Any]) -> None:
    assert [row["time"] for row in answers[1]] == ["2024-03-07 00:00:00+09:00", "2024-03-08 00:00:00+09:00"]


@pytest.mark.parametrize("index", [2, 3])
def test_yfinance_finds_no_unknown_and_no_delisted_symbol(answers: list[Any], index: int) -> None:
    assert answers[index] == "HTTPError: HTTP Error 404: Not Found"


def test_yfinance_is_told_why_a_period_is_empty(answers: list[Any]) -> None:
    assert answers[4].startswith("YFPricesMissingError: $SUMMER: Data doesn't exist for startDate = 1678165200")


def test_yfinance_sees_the_rate_limit(answers: list[Any]) -> None:
    assert answers[5].startswith("YFRateLimitError: Too Many Requests")


@pytest.mark.parametrize(
    ("index", "error"),
    [(6, "ConnectionError: Failed to perform, curl: (56)"), (7, "ConnectionError"), (8, "JSONDecodeError")],
)
def test_yfinance_sees_what_breaks_the_answer(answers: list[Any], index: int, error: str) -> None:
    assert answers[index].startswith(error)


def test_yfinance_asks_for_the_zone_and_then_the_data(world: Sandbox, answers: list[Any]) -> None:
    asked = [request.query for request in world.requests.of("yahoo", "/chart/TOKYO")]
    assert [("range" in query, "period1" in query) for query in asked] == [(True, False), (False, True)]


def test_chart_has_null_for_a_hole_and_ends_before_the_end(world: Sandbox) -> None:
    start, end = (world.yahoo["SUMMER"].timestamp(date(2024, 3, day)) for day in (8, 11))
    with httpx.Client(
        proxy=world.environment["HTTPS_PROXY"],
        verify=ssl.create_default_context(cafile=world.environment["SSL_CERT_FILE"]),
    ) as client:
        address = "https://query2.finance.yahoo.com/v8/finance/chart/SUMMER"
        answer = client.get(address, params={"period1": start, "period2": end, "interval": "1d"})
    [result] = answer.json(parse_constant=pytest.fail)["chart"]["result"]
    assert result["timestamp"] == [start]
    assert result["indicators"]["quote"][0]["close"] == [None]


def test_bars_open_when_the_exchange_opens() -> None:
    symbol = Symbol("SUMMER")
    winter, summer = (datetime.fromtimestamp(symbol.timestamp(date(2024, 3, day)), UTC).hour for day in (8, 11))
    assert (winter, summer) == (14, 13)
    assert timedelta(seconds=symbol.timestamp(date(2024, 3, 8)) % 3600) == timedelta(minutes=30)


def test_proxy_tunnels_to_hosts_that_are_not_yahoos(world: Sandbox, tmp_path: Path) -> None:
    program = """
import http.client, os
proxy = http.client.HTTPConnection(os.environ["HTTPS_PROXY"].removeprefix("http://"))
proxy.set_tunnel(os.environ["SANDBOX_URL"].removeprefix("http://"))
proxy.request("GET", "/_requests")
print(proxy.getresponse().status)
"""
    assert python(world, program, tmp_path).strip() == "200"
