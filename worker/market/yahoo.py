"""Daily prices from Yahoo Finance, through yfinance, with every failure told apart.

`Ticker.history` is used and not `download`, which swallows errors and mixes tickers. Its caches are in a temporary
folder: the home folder of a container may be read-only, and processes would lock each other out.
"""

from __future__ import annotations

import atexit
import re
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from threading import Event
from typing import TYPE_CHECKING

import yfinance
from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)
from yfinance.cache import get_tz_cache
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError

from worker.errors import Unavailable
from worker.market.completeness import Listing

if TYPE_CHECKING:
    import pandas as pd

_TIMEOUT_SECONDS = 30
_FINGERPRINT = "host finance.yahoo.com"
_NOTHING_THERE = re.compile(r"no data found|doesn't exist|not found", re.IGNORECASE)
_PRICES = ["Open", "High", "Low", "Close"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What Yahoo knows of a ticker in a range of days."""

    symbol: str
    listing: Listing | None
    """None: Yahoo does not know the symbol."""
    bars: pd.DataFrame | None = None
    """A row per day with a price, indexed by `datetime.date`; None: no day."""
    splits: tuple[tuple[date, float], ...] = ()
    """Day and ratio: new shares per old one."""

    @property
    def days(self) -> frozenset[date]:
        """Return the days with a price."""
        return frozenset() if self.bars is None else frozenset(self.bars.index)


class Yahoo:
    """Yahoo's charts. Safe to use from several threads."""

    def __init__(self, *, today: date) -> None:
        """Prepare yfinance; nothing is asked yet."""
        # pandas announces changes that are yfinance's to follow.
        warnings.filterwarnings("ignore", module="yfinance")
        yfinance.config.debug.hide_exceptions = False
        _use_temporary_caches()
        _forget_answers()
        self._today = today
        self._listings: dict[str, Listing] = {}
        self._given_up = Event()

    def expect(self, symbol: str, time_zone: str) -> None:
        """Say in which zone a ticker trades; yfinance would ask Yahoo, once per ticker and process."""
        get_tz_cache().store(symbol, time_zone)

    def history(self, symbol: str, start: date, end: date) -> Answer:
        """Return the prices from `start` to `end`, both included.

        Raises:
            Unavailable: Yahoo did not answer, or nothing that can be read, three times.
        """
        attempts = Retrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_attempt(3) | stop_when_event_set(self._given_up),
            wait=wait_random_exponential(multiplier=1, max=20),
            sleep=sleep_using_event(self._given_up),
            reraise=True,
        )
        return attempts(self._history, symbol, start, end)

    def give_up(self) -> None:
        """Let nothing be asked a second time from now on, and end the pauses that are under way."""
        self._given_up.set()

    def _history(self, symbol: str, start: date, end: date) -> Answer:
        listing = self._listings.get(symbol)
        if listing is not None and not listing.overlaps(start, end, today=self._today):
            return Answer(symbol, listing)
        ticker = yfinance.Ticker(symbol)
        try:
            # Yahoo's end is the first day that is not wanted.
            frame = _ask(ticker, start=start.isoformat(), end=(end + timedelta(days=1)).isoformat())
        except YFPricesMissingError:
            return Answer(symbol, self._listing_of(ticker) or self._listing_alone(ticker))
        return _answer(symbol, self._listing_of(ticker), frame, start, end)

    def _listing_alone(self, ticker: yfinance.Ticker) -> Listing | None:
        """Ask for the last day: an answer without prices may come without a word on the ticker."""
        with suppress(YFPricesMissingError):
            _ask(ticker, period="1d")
        return self._listing_of(ticker)

    def _listing_of(self, ticker: yfinance.Ticker) -> Listing | None:
        """Return what came with the last answer, if anything did."""
        told = ticker.history_metadata
        if not told.get("exchangeTimezoneName"):
            return None
        first, last = told.get("firstTradeDate"), told.get("regularMarketTime")
        self._listings[ticker.ticker] = Listing(first.date() if first else None, last.date() if last else None)
        return self._listings[ticker.ticker]


@cache
def _use_temporary_caches() -> None:
    """Keep yfinance's databases of zones and cookies where they can be written, and to this process alone."""
    folder = tempfile.TemporaryDirectory(prefix="sluice-yfinance-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    yfinance.set_tz_cache_location(folder.name)


def _ask(ticker: yfinance.Ticker, **span: str) -> pd.DataFrame:
    """Ask once.

    Raises:
        YFPricesMissingError: Yahoo answered that there are no prices.
        Unavailable: anything else went wrong.
    """
    try:
        # Raw prices: adjusted ones are restated with every dividend, so that days loaded before would be wrong.
        frame: pd.DataFrame = ticker.history(
            interval="1d", auto_adjust=False, actions=True, timeout=_TIMEOUT_SECONDS, **span
        )
        return frame
    except YFPricesMissingError as error:
        _forget_answers()
        if error.yahoo_reason and not _NOTHING_THERE.search(error.yahoo_reason):
            raise _unavailable(ticker, f"{error.yahoo_reason!r}") from error
        raise
    except YFRateLimitError as error:
        raise _unavailable(
            ticker, "too many requests (429)", "less often, or with fewer tickers_per_request"
        ) from error
    except Exception as error:
        # yfinance lets out whatever its transport and its parsing meet.
        _forget_answers()
        raise _unavailable(ticker, f"{type(error).__name__}: {error}"[:200]) from error


def _forget_answers() -> None:
    """Empty yfinance's cache of answers, which keeps errors, too, so that asking again would not reach Yahoo."""
    yfinance.data.YfData.cache_get.cache_clear()


def _unavailable(ticker: yfinance.Ticker, got: str, how: str = "later") -> Unavailable:
    text = f"{ticker.ticker}: expected prices from Yahoo, got {got}; try again {how}"
    return Unavailable(text, fingerprint=_FINGERPRINT)


def _answer(symbol: str, listing: Listing | None, frame: pd.DataFrame, start: date, end: date) -> Answer:
    days: list[date] = [moment.date() for moment in frame.index.to_pydatetime()]  # type: ignore[attr-defined]  # of times
    ratios: list[float] = frame["Stock Splits"].to_list()
    splits = tuple((day, ratio) for day, ratio in zip(days, ratios, strict=True) if ratio)
    frame = frame.set_axis(days, axis="index")[[start <= day <= end for day in days]]
    return Answer(symbol, listing, frame.dropna(how="all", subset=_PRICES), splits)
