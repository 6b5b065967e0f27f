from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.cron import (
    LONGEST_EXPRESSION,
    ScheduleError,
    check_expression,
    instant_after,
    is_fixed_time,
    load_zone,
    zone_names,
)
from tests.support import cron_oracle
from tests.support.cron_oracle import MINUTE, utc


def slots(expression: str, timezone: str, after: str, count: int) -> list[str]:
    found = []
    at = utc(after)
    for _ in range(count):
        following = instant_after(expression, timezone, at)
        assert following is not None
        found.append(f"{following:%Y-%m-%d %H:%M}")
        at = following
    return found


@pytest.mark.parametrize(
    ("expression", "timezone", "after", "expected"),
    [
        # The second pass of an hour that comes twice: 02:30 has fired, the next one is tomorrow's.
        ("30 2 * * *", "Europe/Paris", "2026-10-25 01:00", ["2026-10-26 01:30"]),
        ("*/20 * * * *", "Europe/Paris", "2026-10-25 01:10", ["2026-10-25 01:20", "2026-10-25 01:40"]),
        ("59 * * * *", "Europe/Paris", "2026-10-25 00:59", ["2026-10-25 01:59", "2026-10-25 02:59"]),
        # In the first pass, the start of the second comes before the rest of the day.
        ("0 * * * *", "Europe/Paris", "2026-10-25 00:30", ["2026-10-25 01:00", "2026-10-25 02:00"]),
        ("* 2 * * *", "Europe/Paris", "2026-10-25 00:59", ["2026-10-25 01:00"]),
        # Troll: two hours, straight from winter to Oslo's summer time.
        ("0 1-3 * * *", "Antarctica/Troll", "2026-03-29 00:30", ["2026-03-29 01:00"]),
        ("15 1,2 * * *", "Antarctica/Troll", "2026-10-24 23:30", ["2026-10-25 00:15", "2026-10-26 01:15"]),
        # Lord Howe: half an hour.
        ("45 * * * *", "Australia/Lord_Howe", "2026-04-04 14:30", ["2026-04-04 14:45", "2026-04-04 15:15"]),
        ("* 3 * * *", "Australia/Lord_Howe", "2026-10-03 14:10", ["2026-10-03 16:00", "2026-10-03 16:01"]),
        # Nuuk: clocks change on Saturday evening, so that Sunday's first half hour is Saturday's last.
        ("30 22 * * *", "America/Nuuk", "2026-03-28 12:00", ["2026-03-29 00:30", "2026-03-29 23:30"]),
        ("30 23 * * *", "America/Nuuk", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
        # Goose Bay moved its clocks at 00:01 until 2011.
        ("15 */1 * * SUN", "America/Goose_Bay", "2004-10-31 02:30", ["2004-10-31 04:15", "2004-10-31 05:15"]),
        # Kathmandu is 5:45 ahead, Kyiv goes by its legacy name, Dublin's winter time is the negative one.
        ("0 0 * * *", "Asia/Kathmandu", "2026-01-01 00:00", ["2026-01-01 18:15", "2026-01-02 18:15"]),
        ("30 3 * * *", "Europe/Kiev", "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
        ("30 1 * * *", "Europe/Dublin", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        # The wildcard day that does not exist at all.
        ("0 * 30 12 *", "Pacific/Apia", "2011-12-01 00:00", ["2012-12-29 10:00"]),
    ],
)
def test_instants_follow_the_clocks(expression: str, timezone: str, after: str, expected: list[str]) -> None:
    assert slots(expression, timezone, after, len(expected)) == expected


def test_instant_is_later_by_microseconds() -> None:
    noon = utc("2026-01-01 12:00")
    assert instant_after("0 12 * * *", "UTC", noon - timedelta(microseconds=1)) == noon
    assert instant_after("0 12 * * *", "UTC", noon) == noon + timedelta(days=1)
    assert instant_after("0 12 * * *", "UTC", noon + timedelta(microseconds=1)) == noon + timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [("0 6 * * *", True), ("*/5 6 * * *", False), ("0 */2 * * *", False), ("0,30 0-23/2 * * *", True)],
)
def test_kind_of_job_depends_on_minute_and_hour(expression: str, fixed: bool) -> None:
    assert is_fixed_time(expression) is fixed


@pytest.mark.parametrize(
    ("expression", "field", "got"),
    [
        ("60 * * * *", "a minute", "'60'"),
        ("* 24 * * *", "an hour", "'24'"),
        ("* * 32 * *", "a day", "'32'"),
        ("* * L-3 * *", "a day", "'L-3'"),
        ("* * * FOO *", "a month", "'FOO'"),
        ("* * * * MON#6", "a weekday", "'MON#6'"),
        ("* * * * MONL", "a weekday", "'MONL'"),
        ("* * ? * *", "a day", "'?'"),
        ("*/0 * * * *", "a minute", "'*/0'"),
        ("22-4 * * * *", "a minute", "'22-4'"),
        ("", "five fields", "''"),
        ("0 0 0 6 * *", "five fields", "'0 0 0 6 * *'"),
        ("@reboot", "five fields", "'@reboot'"),
        ("1," * LONGEST_EXPRESSION + "1 * * * *", "at most 500 characters", "'1,1,"),
        ("0 0 31 2,4,6,9,11 *", "a time that comes some day", "'0 0 31 2,4,6,9,11 *'"),
        ("0 0 */31 2 MON#5", "a time that comes some day", "'0 0 */31 2 MON#5'"),
    ],
)
def test_bad_expression_names_the_field(expression: str, field: str, got: str) -> None:
    with pytest.raises(ScheduleError) as error:
        check_expression(expression, "UTC")
    assert error.value.field == "cron"
    assert error.value.expected.startswith(field)
    assert error.value.got.startswith(got)
    assert len(str(error.value)) < LONGEST_EXPRESSION


@pytest.mark.parametrize("expression", ["0 0 29 2 */7", "0 0 31 JAN MON", "0 0 30 2 MON", "0 0 l feb *"])
def test_rare_expression_is_accepted(expression: str) -> None:
    check_expression(expression, "UTC")


def test_time_that_no_clock_shows_is_refused() -> None:
    """New York jumps over this hour on this very day, every year."""
    with pytest.raises(ScheduleError, match="never fires in America/New_York"):
        check_expression("*/10 2 8-14 3 */7", "America/New_York")
    check_expression("*/10 2 8-14 3 */7", "UTC")


@given(st.text(alphabet="0123456789*/,-#LWJANMO ²٣", max_size=30) | st.text(max_size=20))
@example("0 0 * * 1#1/1")
@example("0 0 L/2 * *")
@example("²L * * * *")
@settings(max_examples=300, deadline=None)
def test_any_text_is_accepted_or_refused_with_a_sentence(text: str) -> None:
    try:
        check_expression(text, "Europe/Paris")
    except ScheduleError:
        return
    assert instant_after(text, "Europe/Paris", utc("2026-01-01 00:00")) is not None


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Europe/Pariss", "did you mean 'Europe/Paris'?"),
        ("europe/paris", "did you mean 'Europe/Paris'?"),
        ("calcuta", "did you mean 'Asia/Calcutta'?"),
        (" New York", "did you mean 'America/New_York'?"),
        ("utc", "did you mean 'UTC'?"),
        ("GMT+2", "write one such as 'Europe/Paris' or 'UTC'"),
        ("CEST", "write one such as 'Europe/Paris' or 'UTC'"),
        ("", "write one such as 'Europe/Paris' or 'UTC'"),
        ("../../etc/passwd", "write one such as 'Europe/Paris' or 'UTC'"),
        ("x" * 10_000, "write one such as 'Europe/Paris' or 'UTC'"),
    ],
)
def test_unknown_zone_gets_the_nearest_spelling(name: str, advice: str) -> None:
    with pytest.raises(ScheduleError) as error:
        load_zone(name)
    assert (error.value.field, error.value.advice) == ("timezone", advice)
    assert len(str(error.value)) < LONGEST_EXPRESSION


def test_every_zone_loads_from_the_package() -> None:
    assert sorted(zone_names()) == cron_oracle.zone_names()
    assert {load_zone(name).key for name in zone_names()} == zone_names()
    assert {"Europe/Kiev", "US/Eastern", "Asia/Calcutta", "GB", "UTC"} <= zone_names()


def test_ten_thousand_instants_take_well_under_a_second() -> None:
    """No cache helps: each is another one. The bound leaves room for a busy machine."""
    starts = [utc("2026-01-01 00:00") + minute * MINUTE for minute in range(10_000)]
    began = time.process_time()
    for start in starts:
        instant_after("15 * * * *", "America/New_York", start)
    assert time.process_time() - began < 2
