"""Yahoo on a bad day: what passes is waited for, what does not fails the whole range of days, and says so."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.exchange import Market, sessions, traded
from worker.errors import Unavailable
from worker.market.yahoo import Yahoo

if TYPE_CHECKING:
    from pathlib import Path

START = date(2026, 2, 2)
FRIDAY = date(2026, 2, 27)
OPTIONS: dict[str, Any] = {"tickers": ["AAPL", "MSFT", "NVDA"], "history_start": START.isoformat()}
ALL_ROWS = 3 * len(sessions(START, FRIDAY))


@pytest.fixture(autouse=True)
def _three_stocks(market: Market) -> None:
    market.list_tickers(*(traded(symbol, date(2025, 1, 2), FRIDAY) for symbol in OPTIONS["tickers"]))


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "times": 2},  # yfinance asks again at once, with another cookie
        {"status": 500, "times": 2},
        {"kind": "garbage"},
        {"kind": "cut_off"},
        {"kind": "reset"},
    ],
    ids=["429", "500", "garbage", "cut off", "reset"],
)
def test_fault_that_passes_costs_no_row(market: Market, fault: dict[str, Any]) -> None:
    market.sandbox.faults.add(service="yahoo", match="/chart/MSFT", **fault)
    assert len(market.rows(OPTIONS)) == ALL_ROWS
    assert market.sandbox.faults.pending() == []
    assert market.warnings == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 429}, r"MSFT: expected prices from Yahoo, got too many requests \(429\); try again less often"),
        ({"status": 503}, "MSFT: expected prices from Yahoo, got JSONDecodeError"),
        ({"kind": "reset"}, "MSFT: expected prices from Yahoo, got ConnectionError"),
    ],
    ids=["429", "503", "reset"],
)
def test_fault_that_stays_fails_all_tickers_of_the_days(market: Market, fault: dict[str, Any], says: str) -> None:
    market.sandbox.faults.add(service="yahoo", match="/chart/MSFT", times=None, **fault)
    source = market.open({**OPTIONS, "allow_missing": True})
    [unit] = source.plan()
    with pytest.raises(Unavailable, match=says) as caught:
        next(iter(source.read(unit)))
    assert caught.value.fingerprint == "host finance.yahoo.com"


def test_tickers_that_wait_are_not_asked_for_after_a_failure(market: Market) -> None:
    many = [f"T{number}" for number in range(100)]
    market.list_tickers(*(traded(symbol, START, FRIDAY) for symbol in many))
    market.sandbox.faults.add(service="yahoo", match="/chart/AAPL", status=429, times=None)
    with pytest.raises(Unavailable):
        market.rows({**OPTIONS, "tickers": ["AAPL", *many], "tickers_per_request": 1})
    assert len(set(market.charts())) < len(many)


def test_after_giving_up_nothing_is_asked_again(market: Market) -> None:
    market.sandbox.faults.add(service="yahoo", match="/chart/", status=429, times=None)
    yahoo = Yahoo(today=FRIDAY)
    yahoo.expect("AAPL", "America/New_York")
    yahoo.give_up()
    with pytest.raises(Unavailable):
        yahoo.history("AAPL", START, FRIDAY)
    assert market.charts() == ["AAPL", "AAPL"], "yfinance itself asks twice, with another cookie"


def test_cookie_that_is_refused_does_not_matter(market: Market) -> None:
    market.sandbox.faults.add(service="yahoo", match="getcrumb", status=429, times=None)
    assert len(market.rows(OPTIONS)) == ALL_ROWS


def test_reading_leaves_nothing_in_the_home_folder(market: Market, tmp_path: Path) -> None:
    """In a process of its own, as a worker is: a home that cannot be written, and yfinance as it is installed."""
    program = f"""
from worker.contract.run_spec import LoadMode
from tests.worker.sources.conformance import open_with
source = open_with("stock_prices", {OPTIONS!r}, mode=LoadMode.PARTITIONS)
print(sum(batch.num_rows for unit in source.plan() for batch in source.read(unit)))
"""
    home = tmp_path / "home"
    home.mkdir()
    variables = {"PATH": "", "HOME": str(home), "TMPDIR": str(tmp_path), **market.sandbox.environment}
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == (f"{ALL_ROWS}\n", "")
    assert list(tmp_path.rglob("*")) == [home]
