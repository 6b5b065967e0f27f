from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from worker.errors import ConfigurationError
from worker.market.calendar import Calendar

SINCE = date(2025, 1, 1)


@pytest.fixture(scope="module")
def new_york() -> Calendar:
    return Calendar("XNYS", SINCE)


def test_sessions_leave_weekends_and_holidays_out(new_york: Calendar) -> None:
    days = new_york.sessions(date(2026, 2, 13), date(2026, 2, 18))
    assert days == [date(2026, 2, 13), date(2026, 2, 17), date(2026, 2, 18)]


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (datetime(2026, 3, 2, 14, tzinfo=UTC), date(2026, 3, 1)),  # before Monday's session
        (datetime(2026, 3, 2, 18, tzinfo=UTC), date(2026, 3, 1)),  # during it
        (datetime(2026, 3, 2, 21, 29, tzinfo=UTC), date(2026, 3, 1)),  # the lag is not over
        (datetime(2026, 3, 2, 21, 30, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 2, 27, 23, tzinfo=UTC), date(2026, 3, 1)),  # the weekend is over with Friday's session
        (datetime(2025, 11, 28, 18, 30, tzinfo=UTC), date(2025, 11, 30)),  # it closed at one o'clock
        (datetime(2026, 7, 1, 20, 30, tzinfo=UTC), date(2026, 7, 1)),  # summer time
    ],
)
def test_day_is_over_when_its_session_has_closed(new_york: Calendar, now: datetime, over: date) -> None:
    assert new_york.over(now) == over


@pytest.mark.parametrize(
    ("sessions", "first"),
    [(0, date(2026, 2, 19)), (1, date(2026, 2, 18)), (2, date(2026, 2, 17)), (3, date(2026, 2, 13))],
)
def test_back_counts_sessions_that_end_with_the_day(new_york: Calendar, sessions: int, first: date) -> None:
    assert new_york.back(date(2026, 2, 18), sessions) == first


def test_back_from_a_weekend_counts_from_friday(new_york: Calendar) -> None:
    assert new_york.back(date(2026, 3, 1), 1) == date(2026, 2, 27)


def test_history_before_the_default_of_twenty_years_is_known() -> None:
    assert Calendar("XNYS", date(1980, 1, 1)).sessions(date(1980, 1, 1), date(1980, 1, 3)) == [
        date(1980, 1, 2),
        date(1980, 1, 3),
    ]


def test_days_before_a_calendar_begins_have_no_sessions() -> None:
    assert Calendar("XTKS", date(1980, 1, 1)).sessions(date(1980, 1, 1), date(1996, 12, 31)) == []


def test_market_that_never_closes_has_its_days_by_utc() -> None:
    never_closes = Calendar("24/7", SINCE)
    assert never_closes.over(datetime(2026, 3, 1, 12, tzinfo=UTC)) == date(2026, 2, 28)
    assert never_closes.time_zone == "UTC"


def test_unknown_calendar_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"source\.calendar: .* got 'NYSEX'; correct it"):
        Calendar("NYSEX", SINCE)
