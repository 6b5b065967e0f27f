from __future__ import annotations

import exchange_calendars
import pytest

from worker.errors import ConfigurationError
from worker.market import exchanges
from worker.market.exchanges import calendar_name


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("AAPL", "XNYS"),
        ("BRK-B", "XNYS"),
        ("^GSPC", "XNYS"),
        ("^IXIC", "XNYS"),
        ("SAP.DE", "XETR"),
        ("0700.HK", "XHKG"),
        ("7203.T", "XTKS"),
        ("M&M.NS", "XBOM"),
        ("^FTSE", "XLON"),
    ],
)
def test_symbol_tells_its_exchange(symbol: str, name: str) -> None:
    assert calendar_name(symbol) == name


@pytest.mark.parametrize("symbol", ["ABC.XX", "^UNHEARD", "EURUSD=X", "ES=F", "BTC-USD"])
def test_symbol_that_does_not_tell_asks_for_the_calendar(symbol: str) -> None:
    with pytest.raises(ConfigurationError, match=r"source\.calendar: expected the calendar of .*; set it"):
        calendar_name(symbol)


def test_all_named_calendars_exist() -> None:
    named = {*exchanges.SUFFIXES.values(), *exchanges.INDICES.values()}
    assert named <= set(exchange_calendars.get_calendar_names())
