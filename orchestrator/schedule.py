"""When a config is due: a schedule and instants in, slots out.

Instants are aware and come back in UTC; a naive one raises `ValueError`. What has not passed `check` has no promise.
docs/reference/schedules.md states the rules with examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from orchestrator.cron import ScheduleError, check_expression, instant_after, load_zone
from orchestrator.model import CatchUp, SkipReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.model import Schedule

__all__ = ["Due", "ScheduleError", "Skipped", "check", "first_slot", "next_slot", "resume", "slots_due", "upcoming"]

SHORTEST_INTERVAL = timedelta(minutes=1)
LONGEST_INTERVAL = timedelta(days=36_500)
LEAST_GRACE = timedelta(minutes=5)

MOST_AT_ONCE = 1_000
"""Slots that one tick turns into runs, or counts, for one config."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Slots that become no run; one row, at the first of them, stands for all.

    `count` is exact for `run_every`; for cron it ends at `MOST_AT_ONCE`, which then means "or more".
    """

    reason: SkipReason
    first_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Due:
    """What a tick does about the slots of one config: `slots` become runs, oldest first."""

    slots: tuple[datetime, ...]
    skipped: Skipped | None
    next_slot_at: datetime | None


def check(schedule: Schedule) -> None:
    """Raise `ScheduleError` unless a tick can follow `schedule`."""
    load_zone(schedule.timezone)
    if schedule.run_every is not None and schedule.cron is not None:
        raise ScheduleError(
            "schedule",
            expected="run_every or cron",
            got=f"{schedule.run_every} and {schedule.cron}",
            advice="set one of them to NULL",
        )
    if schedule.run_every is not None and not SHORTEST_INTERVAL <= schedule.run_every <= LONGEST_INTERVAL:
        raise ScheduleError(
            "run_every",
            expected="from 1 minute to 36500 days",
            got=str(schedule.run_every),
            advice="write an interval such as 1 hour",
        )
    if schedule.cron is not None:
        check_expression(schedule.cron, schedule.timezone)


def first_slot(schedule: Schedule, *, created_at: datetime) -> datetime | None:
    """A new config is due at once; None if it runs on demand only."""
    created_at = _utc("created_at", created_at)
    return None if _is_on_demand(schedule) else created_at


def next_slot(schedule: Schedule, *, after: datetime, anchor: datetime) -> datetime | None:
    """The first slot later than `after`; None if there is none.

    The grid of `run_every` starts at `anchor` and nothing shifts it: its slots are `anchor + k * run_every`, k >= 0.
    """
    after, anchor = _utc("after", after), _utc("anchor", anchor)
    if schedule.cron is not None:
        return instant_after(schedule.cron, schedule.timezone, after)
    if schedule.run_every is None:
        return None
    return anchor + max(0, (after - anchor) // schedule.run_every + 1) * schedule.run_every


def upcoming(schedule: Schedule, *, after: datetime, anchor: datetime, count: int) -> list[datetime]:
    """The next `count` slots later than `after`, for display."""
    return list(islice(_slots_from(schedule, next_slot(schedule, after=after, anchor=anchor)), count))


def slots_due(schedule: Schedule, catch_up: CatchUp, *, since: datetime, now: datetime, busy: bool) -> Due:
    """Decide what becomes of the slots from `since` to `now`, both included.

    `since` is the stored `next_slot_at`: a slot itself, and the grid of `run_every` goes through it.
    `busy` says that the config has a run that is live or waits.
    What `all` leaves over its cap stays due: `next_slot_at` is then not later than `now`.
    """
    since, now = _utc("since", since), _utc("now", now)
    if not _is_due(schedule, since, now):
        return _nothing_due(schedule, since)
    if catch_up is CatchUp.ALL:
        return _each(schedule, since, now)
    return _latest_only(schedule, catch_up, since, now, busy=busy)


def resume(schedule: Schedule, *, since: datetime, now: datetime) -> Due:
    """Go on with the next slot after a pause: those from `since` (the stored `next_slot_at`) to `now` are skipped."""
    since, now = _utc("since", since), _utc("now", now)
    if not _is_due(schedule, since, now):
        return _nothing_due(schedule, since)
    skipped = Skipped(SkipReason.PAUSED, since, _count(schedule, since, now))
    return Due((), skipped, next_slot(schedule, after=now, anchor=since))


def _is_on_demand(schedule: Schedule) -> bool:
    return schedule.run_every is None and schedule.cron is None


def _is_due(schedule: Schedule, since: datetime, now: datetime) -> bool:
    return since <= now and not _is_on_demand(schedule)


def _nothing_due(schedule: Schedule, since: datetime) -> Due:
    return Due((), None, None if _is_on_demand(schedule) else since)


def _each(schedule: Schedule, since: datetime, now: datetime) -> Due:
    slots = tuple(_slots_between(schedule, since, now))
    return Due(slots, None, next_slot(schedule, after=slots[-1], anchor=since))


def _latest_only(schedule: Schedule, catch_up: CatchUp, since: datetime, now: datetime, *, busy: bool) -> Due:
    """One run at most, for the latest slot; a row counts the others."""
    latest = _latest(schedule, since, now)
    next_slot_at = next_slot(schedule, after=now, anchor=since)
    count = _count(schedule, since, latest)
    if busy:
        return Due((), Skipped(SkipReason.OVERLAP, since, count), next_slot_at)
    if catch_up is CatchUp.NONE and now - latest > _grace(latest, next_slot_at):
        return Due((), Skipped(SkipReason.MISFIRE, since, count), next_slot_at)
    reason = SkipReason.MISFIRE if catch_up is CatchUp.NONE else SkipReason.MERGED
    return Due((latest,), Skipped(reason, since, count - 1) if count > 1 else None, next_slot_at)


def _grace(slot: datetime, next_slot_at: datetime | None) -> timedelta:
    """How late a slot may be under `none`: 5 minutes, or a tenth of the time to the next one if that is more."""
    return max(LEAST_GRACE, ((next_slot_at or slot) - slot) // 10)


def _latest(schedule: Schedule, since: datetime, now: datetime) -> datetime:
    """The latest slot from the slot `since` to `now`, found without visiting those between."""
    if schedule.run_every is not None:
        return since + (now - since) // schedule.run_every * schedule.run_every
    first = next_slot(schedule, after=since, anchor=since)
    if first is None or first > now:
        return since
    latest, end = first, now
    while end - latest >= SHORTEST_INTERVAL:
        middle = latest + (end - latest) // 2
        slot = next_slot(schedule, after=middle, anchor=since)
        latest, end = (slot, end) if slot and slot <= now else (latest, middle)
    return latest


def _count(schedule: Schedule, since: datetime, until: datetime) -> int:
    if schedule.run_every is not None:
        return (until - since) // schedule.run_every + 1
    return sum(1 for _ in _slots_between(schedule, since, until))


def _slots_between(schedule: Schedule, since: datetime, until: datetime) -> Iterator[datetime]:
    """The slots from the slot `since` to `until`, the first `MOST_AT_ONCE` of them."""
    return islice(takewhile(lambda slot: slot <= until, _slots_from(schedule, since)), MOST_AT_ONCE)


def _slots_from(schedule: Schedule, slot: datetime | None) -> Iterator[datetime]:
    while slot is not None:
        yield slot
        slot = next_slot(schedule, after=slot, anchor=slot)


def _utc(name: str, instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{name}: expected an aware datetime, got {instant!r}; give it a time zone")
    return instant.astimezone(UTC)
