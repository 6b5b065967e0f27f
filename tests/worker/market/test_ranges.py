from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.market.ranges import Days

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))


def test_chunks_are_whole_years_but_for_the_last() -> None:
    assert list(Days(date(2019, 1, 4), date(2022, 6, 1)).chunks(2)) == [
        Days(date(2019, 1, 4), date(2021, 1, 3)),
        Days(date(2021, 1, 4), date(2022, 6, 1)),
    ]


def test_leap_day_is_followed_by_march() -> None:
    assert list(Days(date(2024, 2, 29), date(2025, 3, 1)).chunks(1)) == [
        Days(date(2024, 2, 29), date(2025, 2, 28)),
        Days(date(2025, 3, 1), date(2025, 3, 1)),
    ]


@given(DAYS, DAYS, st.integers(1, 10))
def test_chunks_cover_each_day_once(one: date, other: date, years: int) -> None:
    days = Days(min(one, other), max(one, other))
    chunks = list(days.chunks(years))
    assert (chunks[0].start, chunks[-1].end) == days
    assert all(after.start - before.end == timedelta(days=1) for before, after in pairwise(chunks))


def test_no_days_are_no_chunks() -> None:
    assert list(Days(date(2024, 1, 2), date(2024, 1, 1)).chunks(1)) == []
