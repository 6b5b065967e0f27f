"""On which days an exchange traded, and which of those are over."""

from __future__ import annotations

import warnings
from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import exchange_calendars
from exchange_calendars.errors import InvalidCalendarName

from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

CLOSE_LAG = timedelta(minutes=30)
"""How long after its close a session's bar is still live: Yahoo's data are delayed by up to that."""


class Calendar:
    """The sessions of one exchange. Where exchange-calendars knows none (far in the past), there are none."""

    def __init__(self, name: str, since: date) -> None:
        """Take exchange-calendars' name, and the day from which sessions are wanted.

        Raises:
            ConfigurationError: there is no calendar of that name.
        """
        calendar = _calendar(name, since)
        self.time_zone: str = calendar.tz.key
        self._sessions: list[date] = [session.date() for session in calendar.sessions]
        self._closes: list[datetime] = calendar.closes.dt.to_pydatetime().tolist()

    def sessions(self, start: date, end: date) -> list[date]:
        """Return the days from `start` to `end`, both included, on which the exchange trades."""
        return self._sessions[bisect_left(self._sessions, start) : bisect_right(self._sessions, end)]

    def over(self, now: datetime) -> date:
        """Return the last day on which nothing more happens: the day before the first session that is not over."""
        return self._sessions[bisect_right(self._closes, now - CLOSE_LAG)] - timedelta(days=1)

    def back(self, day: date, sessions: int) -> date:
        """Return the first of so many sessions that end with `day`."""
        last = bisect_right(self._sessions, day)
        return self._sessions[max(last - sessions, 0)] if sessions else day + timedelta(days=1)


def _calendar(name: str, since: date) -> ExchangeCalendar:
    with warnings.catch_warnings():
        # pandas announces changes that are exchange-calendars' to follow.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return exchange_calendars.get_calendar(name, start=since.isoformat())
        except InvalidCalendarName:
            raise ConfigurationError(
                f"source.calendar: expected a name of exchange-calendars, such as XNYS, got {name!r}; correct it"
            ) from None
        except ValueError:
            # It begins later. Asked for first, its beginning would cost every load a tenth of a second.
            return exchange_calendars.get_calendar(name, start=exchange_calendars.get_calendar(name).bound_min())
