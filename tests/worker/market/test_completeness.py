from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from worker.errors import ConfigurationError, Unavailable
from worker.market.completeness import Listing, missing_days, shortage, strangers

TODAY = date(2026, 3, 2)
MONTH = [date(2026, 2, day) for day in range(1, 29)]


@dataclass(frozen=True)
class Ticker:
    listing: Listing | None
    days: frozenset[date]
    symbol: str = "AAPL"


def missing(first: date | None, last: date | None, *got: date) -> list[date]:
    return missing_days(MONTH, Ticker(Listing(first, last), frozenset(got)), today=TODAY)


def test_days_before_the_first_trade_are_not_missing() -> None:
    assert missing(MONTH[20], TODAY, *MONTH[20:]) == []


def test_days_after_the_last_trade_are_not_missing_once_it_is_long_ago() -> None:
    assert missing(MONTH[0], MONTH[10], *MONTH[:11]) == []


def test_days_after_a_recent_last_trade_are_missing() -> None:
    assert missing(MONTH[0], MONTH[25], *MONTH[:26]) == MONTH[26:]


def test_days_between_are_missing() -> None:
    assert missing(MONTH[0], TODAY, *MONTH[:3], *MONTH[5:]) == MONTH[3:5]


def test_unknown_first_trade_is_the_first_price() -> None:
    assert missing(None, TODAY, *MONTH[3:]) == []
    assert missing(None, TODAY) == MONTH


def test_unknown_ticker_has_no_days() -> None:
    assert missing_days(MONTH, Ticker(None, frozenset()), today=TODAY) == []


@pytest.mark.parametrize(
    ("listing", "overlaps"),
    [
        (Listing(date(2026, 3, 1), None), False),
        (Listing(date(2026, 2, 28), None), True),
        (Listing(None, date(2026, 1, 31)), False),
        (Listing(None, date(2026, 2, 1)), True),
        (Listing(None, None), True),
    ],
)
def test_listing_overlaps_the_days_on_which_it_was_traded(listing: Listing, *, overlaps: bool) -> None:
    assert listing.overlaps(MONTH[0], MONTH[-1], today=TODAY) is overlaps


def test_shortage_of_the_last_days_is_tried_again() -> None:
    error = shortage({"AAPL": [TODAY - timedelta(days=1)]}, today=TODAY)
    assert isinstance(error, Unavailable)
    assert "AAPL on 2026-03-01; try again later" in str(error)


def test_shortage_of_older_days_is_for_a_person() -> None:
    error = shortage({"AAPL": [TODAY], "MSFT": [MONTH[0], MONTH[1]]}, today=TODAY)
    assert isinstance(error, ConfigurationError)
    assert "AAPL on 2026-03-02, MSFT on 2 days from 2026-02-01 to 2026-02-02; if Yahoo's own page" in str(error)


def test_shortage_of_many_tickers_names_a_few() -> None:
    error = shortage({f"T{number}": [TODAY] for number in range(8)}, today=TODAY)
    assert "T4 on 2026-03-02, 3 more tickers" in str(error)
    assert "T5" not in str(error)


def test_strangers_are_for_a_person_unless_all_are() -> None:
    assert isinstance(strangers(["NOPE"], 2), ConfigurationError)
    assert isinstance(strangers(["NOPE"], 1), ConfigurationError)
    assert isinstance(strangers(["A", "B"], 2), Unavailable)
