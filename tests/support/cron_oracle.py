"""The firing rules of cron once more, by brute force: every minute of the UTC timeline is looked at.

It shares nothing with `orchestrator.cron`: neither the parser nor the library, and of `zoneinfo` only the way from UTC
to local time, never the way back.
"""

from __future__ import annotations

import calendar
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MINUTE = timedelta(minutes=1)
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {name.upper(): (number + 1) % 7 for number, name in enumerate(calendar.day_abbr)}


def zone_names() -> list[str]:
    """Every name of the IANA database, aliases too."""
    return sorted(files("tzdata").joinpath("zones").read_text().split())


def distinct_zone_names() -> list[str]:
    """One name for each set of rules: the aliases of a zone have the same file."""
    by_rules = {_zone_file(name): name for name in reversed(zone_names())}
    return sorted(by_rules.values())


@cache
def load_zone(name: str) -> zoneinfo.ZoneInfo:
    """The rules of the tzdata package, whatever this machine has installed."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return zoneinfo.ZoneInfo.from_file(file, key=name)


def _zone_file(name: str) -> bytes:
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def transitions(name: str, start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """The first minutes with another offset; what changes and changes back within `step` is not seen."""
    zone = load_zone(name)
    while start < end:
        if _offset(zone, start) != _offset(zone, start + step):
            yield _bisect(zone, start, start + step)
        start += step


def _offset(zone: zoneinfo.ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()


def _bisect(zone: zoneinfo.ZoneInfo, low: datetime, high: datetime) -> datetime:
    before = _offset(zone, low)
    while high - low > MINUTE:
        middle = low + (high - low) // MINUTE // 2 * MINUTE
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


@dataclass(frozen=True)
class Minute:
    """One minute of UTC, what the clocks show then, and what they reach or jump over for the first time."""

    at: datetime
    wall: datetime
    new_walls: tuple[datetime, ...]


def timeline(name: str, start: datetime, end: datetime) -> list[Minute]:
    """Every minute of [start, end)."""
    zone = load_zone(name)
    # Clocks go back by 3 hours at most since 1990, so this knows what the first pass of `start`'s hour has reached.
    furthest = max(_wall(zone, start - i * MINUTE) for i in range(1, 240))
    minutes = []
    for i in range((end - start) // MINUTE):
        at = start + i * MINUTE
        wall = _wall(zone, at)
        new_walls = tuple(furthest + i * MINUTE for i in range(1, (wall - furthest) // MINUTE + 1))
        furthest = max(furthest, wall)
        minutes.append(Minute(at, wall, new_walls))
    return minutes


def _wall(zone: zoneinfo.ZoneInfo, at: datetime) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


class Oracle:
    """When an expression fires, by the rules of docs/reference/schedules.md."""

    def __init__(self, expression: str) -> None:
        minute, hour, day, month, weekday = expression.upper().split()
        self._minutes = _numbers(minute, 0, 59, {})
        self._hours = _numbers(hour, 0, 23, {})
        self._months = _numbers(month, 1, 12, MONTHS)
        self._day_terms, self._weekday_terms = day.split(","), weekday.split(",")
        self._both_days = day.startswith("*") or weekday.startswith("*")
        self._fixed_time = not minute.startswith("*") and not hour.startswith("*")
        self._dates: dict[date, bool] = {}

    def slots(self, minutes: Sequence[Minute]) -> list[datetime]:
        """The instants among `minutes` at which the expression fires."""
        return [minute.at for minute in minutes if self._fires(minute)]

    def _fires(self, minute: Minute) -> bool:
        if self._fixed_time:
            return any(map(self.matches, minute.new_walls))
        return self.matches(minute.wall)

    def matches(self, wall: datetime) -> bool:
        """Whether the five fields name this minute of the wall clock."""
        return wall.minute in self._minutes and wall.hour in self._hours and self._matches_date(wall.date())

    def _matches_date(self, day: date) -> bool:
        if day not in self._dates:
            by_day = any(_is_day(term, day) for term in self._day_terms)
            by_weekday = any(_is_weekday(term, day) for term in self._weekday_terms)
            either = (by_day and by_weekday) if self._both_days else (by_day or by_weekday)
            self._dates[day] = day.month in self._months and either
        return self._dates[day]


def _numbers(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    return {number for term in field.split(",") for number in _term(term, low, high, names)}


def _term(term: str, low: int, high: int, names: dict[str, int]) -> range:
    span, _, step = term.partition("/")
    first, _, last = span.partition("-")
    if first == "*":
        return range(low, high + 1, int(step or 1))
    start = names.get(first) if first in names else int(first)
    end = (names.get(last) if last in names else int(last)) if last else (high if step else start)
    assert start is not None
    assert end is not None
    return range(start, end + 1, int(step or 1))


def _is_day(term: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if term == "L":
        return day.day == last
    if term == "LW":
        return day == max(d for n in range(1, last + 1) if (d := day.replace(day=n)).isoweekday() <= 5)
    return day.day in _term(term, 1, 31, {})


def _is_weekday(term: str, day: date) -> bool:
    if term.endswith("L"):
        return int(term[:-1]) % 7 == day.isoweekday() % 7 and (day + timedelta(days=7)).month != day.month
    weekday, _, nth = term.partition("#")
    is_day = day.isoweekday() % 7 in {number % 7 for number in _term(weekday, 0, 7, WEEKDAYS)}
    return is_day and (not nth or (day.day - 1) // 7 + 1 == int(nth))


def utc(text: str) -> datetime:
    """Read `2026-03-29 01:00` as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
