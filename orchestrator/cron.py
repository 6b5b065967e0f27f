"""Cron expressions in a time zone: which instants they name.

The rules are Debian cron's; docs/reference/schedules.md states them with examples.
cronsim reads an expression and walks the wall clock. What a zone does to the wall clock is decided here: cronsim 2.8
answers with the past inside an hour that comes twice, loses slots where clocks move by other than whole hours, and
stands still or never returns where they move at 00:01.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import takewhile
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_EXPRESSION = 500
"""Characters; every minute, hour, day and month written out takes fewer."""

LONGEST_WAIT = timedelta(days=50 * 366)
"""What has not fired by then never will: the rarest date, a 29 February on a given weekday, comes within 40 years."""

FIELDS = {
    "minute": "a minute from 0 to 59",
    "hour": "an hour from 0 to 23",
    "day of month": "a day from 1 to 31, L (the last) or LW (the last weekday)",
    "month": "a month from 1 to 12, or JAN to DEC",
    "day of week": "a weekday from 0 to 7, or SUN to SAT (MON#2 is the second Monday, 5L the last Friday)",
}

RECENT = datetime(2026, 1, 1, tzinfo=UTC)


class ScheduleError(ValueError):
    """A schedule that no tick can follow.

    Attributes: `field` (the column), `expected`, `got`, `advice` (what to do); the message is made of them.
    """

    def __init__(self, field: str, *, expected: str, got: object, advice: str) -> None:
        self.field = field
        self.expected = expected
        self.got = shortened(repr(got))
        self.advice = advice
        super().__init__(f"{field}: expected {expected}, got {self.got}; {advice}")


def check_expression(expression: str, timezone: str) -> None:
    """Raise `ScheduleError` unless `expression` has five valid fields and fires some day in `timezone`."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ScheduleError(
            "cron",
            expected=f"at most {LONGEST_EXPRESSION} characters",
            got=expression,
            advice="use ranges and steps such as 0-30/5",
        )
    _check_fields(expression)
    try:
        fires = instant_after(expression, timezone, RECENT)
    except CronSimError:
        fires = None
    if fires is None:
        raise ScheduleError(
            "cron",
            expected="a time that comes some day",
            got=expression,
            advice=f"it never fires in {timezone}; correct the day, the month or the hour",
        )


def _check_fields(expression: str) -> None:
    parts = expression.split()
    if len(parts) != len(FIELDS):
        raise ScheduleError(
            "cron",
            expected=f"five fields ({', '.join(FIELDS)})",
            got=expression,
            advice="write for example 0 6 * * *; there is no field for seconds, and no alias such as @daily",
        )
    for position, (part, expected) in enumerate(zip(parts, FIELDS.values(), strict=True)):
        try:
            CronSim(" ".join(part if i == position else "*" for i in range(len(FIELDS))), RECENT)
        except CronSimError:
            raise ScheduleError("cron", expected=expected, got=part, advice=f"correct it in {expression!r}") from None


@lru_cache(maxsize=2**14)
def instant_after(expression: str, timezone: str, after: datetime) -> datetime | None:
    """The first instant (UTC) after `after` at which `expression` fires in `timezone`, or None if it never does again.

    What `check_expression` refuses has no promise.
    """
    zone = load_zone(timezone)
    wall = after.astimezone(zone).replace(tzinfo=None)
    if is_fixed_time(expression):
        return _first_reached(expression, zone, wall, after)
    # While an hour that comes twice passes for the first time, times already behind will be shown once more.
    first, second = _readings(wall, zone)
    shown = (_first_shown(expression, zone, start, after) for start in {wall, wall - (second - first)})
    return min(filter(None, shown), default=None)


def is_fixed_time(expression: str) -> bool:
    """Whether the job runs at times of day, rather than every so often: neither minute nor hour starts with a star."""
    minute, hour = expression.split()[:2]
    return not minute.startswith("*") and not hour.startswith("*")


def _first_reached(expression: str, zone: ZoneInfo, wall: datetime, after: datetime) -> datetime | None:
    """When the clocks first reach, or jump over, a time that matches."""
    reached = (_reached(match, zone) for match in _matches(expression, wall))
    return next((instant for instant in reached if instant > after), None)


def _first_shown(expression: str, zone: ZoneInfo, wall: datetime, after: datetime) -> datetime | None:
    """When the clocks next show a time that matches, be it for the second time."""
    shown = (instant for match in _matches(expression, wall) for instant in _shown(match, zone))
    return next((instant for instant in shown if instant > after), None)


def _matches(expression: str, wall: datetime) -> Iterator[datetime]:
    """The times after `wall` that the five fields name, whether or not the zone's clocks show them."""
    return takewhile(lambda match: match < wall + LONGEST_WAIT, CronSim(expression, wall))


def _shown(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants at which the clocks show `wall`."""
    first, second = _readings(wall, zone)
    return (first, second) if first <= second else ()


def _reached(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clocks show `wall` or, if they jump over it, a later time."""
    first, second = _readings(wall, zone)
    if first <= second:
        return first

    def wall_at(seconds: int) -> datetime:
        return (second + timedelta(seconds=seconds)).astimezone(zone).replace(tzinfo=None)

    gap = range(int((first - second).total_seconds()))
    return second + timedelta(seconds=bisect_right(gap, wall, key=wall_at))


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Read `wall` with the offset before and with that after the nearest transition (PEP 495).

    Equal on most days, in order if the time comes twice, in reverse if it does not exist: the jump lies between.
    """
    local = wall.replace(tzinfo=zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


@cache
def load_zone(name: str) -> ZoneInfo:
    """Load the rules of a zone from the tzdata package: the same on every machine, whatever it has installed.

    Raises `ScheduleError` for a name that the IANA database does not have; legacy aliases are names too.
    """
    if name not in zone_names():
        raise ScheduleError(
            "timezone",
            expected="a name of the IANA time zone database",
            got=name,
            advice=_nearest(name),
        )
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def zone_names() -> frozenset[str]:
    """Every name of the IANA database, legacy aliases too."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def _nearest(name: str) -> str:
    """Suggest the zone whose name, or whose city, is spelled most like `name`.

    Never a bare or `Etc/` one besides UTC: those are fixed offsets, `Etc/GMT+2` even with the sign that nobody expects.
    """
    zones = [zone for zone in sorted(zone_names()) if "/" in zone and not zone.startswith("Etc/")]
    spellings = {part.casefold(): zone for zone in ["UTC", *zones] for part in (zone.rpartition("/")[2], zone)}
    near = difflib.get_close_matches(name.strip().replace(" ", "_").casefold(), spellings, n=1, cutoff=0.8)
    return f"did you mean {spellings[near[0]]!r}?" if near else "write one such as 'Europe/Paris' or 'UTC'"


def shortened(text: str, length: int = 80) -> str:
    """Return the beginning of what a person has written, for a message about it."""
    return text if len(text) <= length else f"{text[:length]}..."
