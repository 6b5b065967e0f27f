"""Whether all days of all tickers are there; and if not, whose fault that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Protocol

from worker.errors import ConfigurationError, Unavailable, WorkerError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SETTLED_AFTER = timedelta(days=7)
"""Yahoo may be late by this: what is missing for longer is missing, and what was not traded for longer has ended."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Listing:
    """When a ticker was first traded, and when last; None: Yahoo does not say."""

    first: date | None
    last: date | None

    def has_ended(self, today: date) -> bool:
        """Tell whether it is traded no more."""
        return self.last is not None and self.last < today - SETTLED_AFTER

    def overlaps(self, start: date, end: date, *, today: date) -> bool:
        """Tell whether it may have been traded between two days, both included."""
        is_before = self.first is not None and end < self.first
        is_after = self.last is not None and self.has_ended(today) and self.last < start
        return not is_before and not is_after


class Found(Protocol):
    """What is known of a ticker, and the days that have a price."""

    @property
    def symbol(self) -> str: ...
    @property
    def listing(self) -> Listing | None:
        """None: there is no such ticker."""
        ...

    @property
    def days(self) -> Collection[date]: ...


def missing_days(sessions: Sequence[date], found: Found, *, today: date) -> list[date]:
    """Return the sessions on which a ticker was listed, and of which it has no price.

    Where Yahoo does not say since when it is listed, that is since its first price.
    """
    if found.listing is None:
        return []
    first = found.listing.first or min(found.days, default=date.min)
    last = found.listing.last if found.listing.last and found.listing.has_ended(today) else date.max
    return [day for day in sessions if first <= day <= last and day not in found.days]


def shortage(missing: Mapping[str, Sequence[date]], *, today: date) -> WorkerError:
    """Return the error for tickers with missing days: to be tried again as long as Yahoo may only be late."""
    named = [f"{symbol} on {_written(days)}" for symbol, days in list(missing.items())[:_NAMED]]
    named += [f"{len(missing) - _NAMED} more tickers"] if len(missing) > _NAMED else []
    text = f"stock prices: expected one of each listed ticker for each day of trade, got none of {', '.join(named)}"
    if all(day >= today - SETTLED_AFTER for days in missing.values() for day in days):
        return Unavailable(f"{text}; try again later: Yahoo may be late")
    return ConfigurationError(f"{text}; if Yahoo's own page has none either, name the ticker in source.allow_missing")


def strangers(unknown: Sequence[str], asked: int) -> WorkerError:
    """Return the error for symbols that Yahoo does not know; of several, it never knows none unless it is unwell."""
    if len(unknown) == asked > 1:
        return Unavailable(
            f"source.tickers: expected prices from Yahoo, got 'no such symbol' for all {asked}; try again later: "
            "it is not likely that all of them are wrong"
        )
    return ConfigurationError(
        f"source.tickers: expected symbols that Yahoo knows, got {', '.join(unknown)}; correct or remove them, "
        "or name them in source.allow_missing if they were delisted"
    )


def _written(days: Sequence[date]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"
