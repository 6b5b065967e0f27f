from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model import CatchUp, Schedule, SkipReason
from orchestrator.schedule import (
    MOST_AT_ONCE,
    Due,
    ScheduleError,
    Skipped,
    check,
    first_slot,
    next_slot,
    resume,
    slots_due,
    upcoming,
)
from tests.support.cron_oracle import utc

if TYPE_CHECKING:
    from collections.abc import Callable

START = utc("2026-01-01 00:00")
MINUTE = timedelta(minutes=1)
HOURLY = Schedule(timedelta(hours=1))
NAIVE = START.replace(tzinfo=None)

schedules = st.one_of(
    st.builds(Schedule, st.timedeltas(MINUTE, timedelta(days=3))),
    st.builds(
        Schedule,
        st.none(),
        st.sampled_from(["*/7 * * * *", "0 */5 * * *", "30 2 * * *", "0 9 * * MON-FRI", "0 0 1 * *", "15 1,2,3 * * *"]),
        st.sampled_from(["UTC", "Europe/Paris", "Australia/Lord_Howe", "America/Havana"]),
    ),
)
instants = st.datetimes(NAIVE, NAIVE + timedelta(days=400), timezones=st.just(UTC))
policies = st.sampled_from(CatchUp)


def slots_until(schedule: Schedule, slot: datetime | None, now: datetime) -> list[datetime]:
    """One by one, from a slot on."""
    slots = []
    while slot and slot <= now:
        slots.append(slot)
        slot = next_slot(schedule, after=slot, anchor=slot)
    return slots


@given(st.timedeltas(MINUTE, timedelta(days=400)), instants, instants)
def test_interval_slot_is_the_next_of_the_grid(every: timedelta, anchor: datetime, after: datetime) -> None:
    slot = next_slot(Schedule(every), after=after, anchor=anchor)
    assert slot is not None
    assert (slot - anchor) % every == timedelta(0)
    assert slot > after
    assert slot == anchor or (slot > anchor and slot - every <= after)


def test_interval_does_not_drift_in_a_hundred_years() -> None:
    every = timedelta(seconds=100, microseconds=1)
    slots = timedelta(days=36_500) // every
    assert next_slot(Schedule(every), after=START + (slots - 1) * every, anchor=START) == START + slots * every


def test_interval_ignores_the_zone() -> None:
    daily = Schedule(timedelta(days=1), timezone="Europe/Paris")
    assert {b - a for a, b in pairwise(upcoming(daily, after=START, anchor=START, count=365))} == {timedelta(days=1)}


@given(schedules, instants, st.integers(0, 20))
def test_upcoming_slots_follow_one_another(schedule: Schedule, after: datetime, count: int) -> None:
    slots = upcoming(schedule, after=after, anchor=START, count=count)
    assert len(slots) == count
    assert all(next_slot(schedule, after=a, anchor=START) == b for a, b in pairwise([after, *slots]))
    assert all(a < b for a, b in pairwise([after, *slots]))


def test_schedule_on_demand_has_no_slot() -> None:
    schedule = Schedule()
    check(schedule)
    assert first_slot(schedule, created_at=START) is None
    assert next_slot(schedule, after=START, anchor=START) is None
    assert upcoming(schedule, after=START, anchor=START, count=5) == []
    assert resume(schedule, since=START, now=START) == Due((), None, None)
    assert slots_due(schedule, CatchUp.ALL, since=START, now=START, busy=False) == Due((), None, None)


def test_schedule_that_never_fires_again_is_over() -> None:
    """`check` refuses it, but a zone's rules may change after it was accepted."""
    never = Schedule(cron="*/10 2 8-14 3 */7", timezone="America/New_York")
    assert next_slot(never, after=START, anchor=START) is None
    assert slots_due(never, CatchUp.NONE, since=START, now=START, busy=False) == Due((START,), None, None)
    late = START + timedelta(hours=1)
    assert slots_due(never, CatchUp.NONE, since=START, now=late, busy=False) == Due(
        (), Skipped(SkipReason.MISFIRE, START, 1), None
    )


@given(schedules, policies, instants, st.timedeltas(timedelta(0), timedelta(days=9)), st.booleans())
@settings(max_examples=200, deadline=None)
def test_due_slots_are_what_the_policy_says(
    schedule: Schedule, catch_up: CatchUp, since: datetime, late: timedelta, busy: bool
) -> None:
    """Against a plain enumeration of all slots."""
    now = since + late
    slots = slots_until(schedule, since, now)
    due = slots_due(schedule, catch_up, since=since, now=now, busy=busy)
    count = len(slots) if schedule.run_every else min(len(slots), MOST_AT_ONCE)
    if catch_up is CatchUp.ALL:
        following = next_slot(schedule, after=due.slots[-1], anchor=since)
        assert due == Due(tuple(slots[:MOST_AT_ONCE]), None, following)
        return
    following = next_slot(schedule, after=now, anchor=since)
    assert following is not None
    grace = max(timedelta(minutes=5), (following - slots[-1]) // 10)
    if busy:
        expected = Due((), Skipped(SkipReason.OVERLAP, since, count), following)
    elif catch_up is CatchUp.NONE and now - slots[-1] > grace:
        expected = Due((), Skipped(SkipReason.MISFIRE, since, count), following)
    else:
        reason = SkipReason.MERGED if catch_up is CatchUp.LATEST else SkipReason.MISFIRE
        expected = Due((slots[-1],), Skipped(reason, since, count - 1) if count > 1 else None, following)
    assert due == expected


pauses = st.timedeltas(timedelta(0), timedelta(days=2))


@given(schedules, policies, st.lists(st.tuples(pauses, st.booleans()), max_size=15))
@settings(max_examples=100, deadline=None)
def test_every_slot_is_accounted_for_once_however_ticks_come(
    schedule: Schedule, catch_up: CatchUp, ticks: list[tuple[timedelta, bool]]
) -> None:
    since = START
    now = START
    ran: list[datetime] = []
    skipped = 0
    for pause, busy in ticks:
        now += pause
        due = slots_due(schedule, catch_up, since=since, now=now, busy=busy)
        assert due.next_slot_at is not None
        assert due.next_slot_at > now or len(due.slots) == MOST_AT_ONCE
        ran += due.slots
        skipped += due.skipped.count if due.skipped else 0
        since = due.next_slot_at
    slots = [at for at in slots_until(schedule, START, now) if at < since]
    assert len(ran) + skipped == (len(slots) if since > START else 0)
    assert all(a < b for a, b in pairwise(ran))
    assert set(ran) <= set(slots)


@pytest.mark.parametrize("schedule", [Schedule(MINUTE), Schedule(cron="* * * * *", timezone="Europe/Paris")])
def test_all_leaves_what_is_over_the_cap_to_the_next_tick(schedule: Schedule) -> None:
    now = START + 2_500 * MINUTE
    since: datetime | None = START
    batches = []
    while since and since <= now:
        due = slots_due(schedule, CatchUp.ALL, since=since, now=now, busy=True)
        batches.append(due.slots)
        since = due.next_slot_at
    assert [len(batch) for batch in batches] == [MOST_AT_ONCE, MOST_AT_ONCE, 501]
    assert [at for batch in batches for at in batch] == [START + i * MINUTE for i in range(2_501)]


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(MINUTE),
        Schedule(cron="* * * * *", timezone="America/New_York"),
        Schedule(cron="0 0 29 2 *", timezone="America/New_York"),
        Schedule(cron="0 0 * 2 MON#5", timezone="America/New_York"),
    ],
)
def test_an_outage_of_forty_years_is_no_work(schedule: Schedule, catch_up: CatchUp) -> None:
    """The bound leaves room for a busy machine; a walk through the years takes minutes."""
    began = time.process_time()
    slots_due(schedule, catch_up, since=START, now=START + timedelta(days=40 * 365, minutes=3), busy=False)
    resume(schedule, since=START, now=START + timedelta(days=40 * 365))
    assert time.process_time() - began < 3


def test_ten_thousand_due_configs_take_well_under_a_second() -> None:
    """One slot each, on time, as in a tick."""
    cron = Schedule(cron="0 6 * * *", timezone="Europe/Paris")
    began = time.process_time()
    for i in range(10_000):
        slots_due((HOURLY, cron)[i % 2], CatchUp.LATEST, since=START + i * MINUTE, now=START + i * MINUTE, busy=False)
    assert time.process_time() - began < 3


def test_slot_off_the_grid_is_a_slot_and_moves_the_grid() -> None:
    """So is the one that the seed's view writes: `last_run` + frequency."""
    since = START + timedelta(minutes=7)
    due = slots_due(HOURLY, CatchUp.LATEST, since=since, now=since + MINUTE, busy=False)
    assert due == Due((since,), None, since + timedelta(hours=1))


def test_slot_of_a_new_cron_config_and_the_next_may_be_seconds_apart() -> None:
    created_at = START + timedelta(minutes=6, seconds=1)
    often = Schedule(cron="*/7 * * * *")
    due = slots_due(often, CatchUp.LATEST, since=created_at, now=START + 7 * MINUTE, busy=False)
    assert due == Due((START + 7 * MINUTE,), Skipped(SkipReason.MERGED, created_at, 1), START + 14 * MINUTE)


def test_new_cron_config_is_due_at_once_and_then_by_the_calendar() -> None:
    daily = Schedule(cron="0 6 * * *")
    created_at = START + timedelta(hours=9)
    since = first_slot(daily, created_at=created_at)
    assert since == created_at
    due = slots_due(daily, CatchUp.NONE, since=since, now=created_at + MINUTE, busy=False)
    assert due == Due((created_at,), None, START + timedelta(hours=30))


def test_latest_slot_of_an_hour_that_comes_twice_is_the_second() -> None:
    often = Schedule(cron="*/30 2 * * *", timezone="Europe/Paris")
    due = slots_due(often, CatchUp.LATEST, since=utc("2026-10-24 00:00"), now=utc("2026-10-25 12:00"), busy=False)
    assert due.slots == (utc("2026-10-25 01:30"),)
    assert due.skipped == Skipped(SkipReason.MERGED, utc("2026-10-24 00:00"), 5)


def test_local_instants_come_back_in_utc() -> None:
    local = START.astimezone(ZoneInfo("Asia/Kathmandu"))
    due = slots_due(HOURLY, CatchUp.LATEST, since=local, now=local, busy=False)
    assert [at.tzinfo for at in (*due.slots, due.next_slot_at) if at] == [UTC, UTC]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (first_slot, "created_at"),
        (next_slot, "after"),
        (next_slot, "anchor"),
        (upcoming, "after"),
        (slots_due, "since"),
        (slots_due, "now"),
        (resume, "since"),
        (resume, "now"),
    ],
)
def test_naive_instant_is_refused_by_name(function: Callable[..., object], name: str) -> None:
    valid: dict[str, dict[str, Any]] = {
        "first_slot": {"created_at": START},
        "next_slot": {"after": START, "anchor": START},
        "upcoming": {"after": START, "anchor": START, "count": 1},
        "slots_due": {"catch_up": CatchUp.ALL, "since": START, "now": START, "busy": False},
        "resume": {"since": START, "now": START},
    }
    arguments = valid[function.__name__]
    function(HOURLY, **arguments)
    with pytest.raises(ValueError, match=f"^{name}: expected an aware datetime, got"):
        function(HOURLY, **{**arguments, name: NAIVE})


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(MINUTE),
        Schedule(timedelta(days=36_500)),
        Schedule(timedelta(seconds=90)),
        Schedule(cron="0 6 * * *", timezone="Europe/Kiev"),
        Schedule(timezone="US/Eastern"),
    ],
)
def test_check_accepts(schedule: Schedule) -> None:
    check(schedule)


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (Schedule(MINUTE - timedelta(microseconds=1)), "run_every"),
        (Schedule(timedelta(0)), "run_every"),
        (Schedule(timedelta(days=-1)), "run_every"),
        (Schedule(timedelta(days=36_500, microseconds=1)), "run_every"),
        (Schedule(timedelta(hours=1), "0 6 * * *"), "schedule"),
        (Schedule(cron="* * * * * *"), "cron"),
        (Schedule(cron=""), "cron"),
        (Schedule(timedelta(hours=1), timezone="Mars/Olympus"), "timezone"),
        (Schedule(timezone=""), "timezone"),
    ],
)
def test_check_refuses_by_field(schedule: Schedule, field: str) -> None:
    with pytest.raises(ScheduleError) as error:
        check(schedule)
    fault = error.value
    assert fault.field == field
    assert str(fault) == f"{field}: expected {fault.expected}, got {fault.got}; {fault.advice}"
