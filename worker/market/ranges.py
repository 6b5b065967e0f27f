"""Ranges of days, cut into chunks of years. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Days(NamedTuple):
    """From the first day to the last, both included."""

    start: date
    end: date

    def chunks(self, years: int) -> Iterator[Days]:
        """Yield the range in pieces of so many years; the last may be shorter."""
        start = self.start
        while start <= self.end:
            following = _years_later(start, years)
            yield Days(start, min(following - timedelta(days=1), self.end))
            start = following


def _years_later(day: date, years: int) -> date:
    """Return the same day of a later year; the 29th of February moves to the 1st of March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
