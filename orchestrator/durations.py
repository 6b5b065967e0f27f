"""Durations as people write them: `15m`, `6h`, `1d`, `90s`, a number of seconds, or Postgres' `01:30:00`. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_TERMS = re.compile(r"(?:\d+(?:\.\d+)?\s*[smhdw]\s*)+", re.IGNORECASE)
_TERM = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+) days?,? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: it is none; says what one looks like.
    """
    with suppress(OverflowError):
        if (duration := _read(text.strip())) is not None:
            return duration
    raise ValueError("a duration such as 15m, 6h, 1d or 90s")


def _read(text: str) -> timedelta | None:
    if text.isdecimal():
        return timedelta(seconds=int(text))
    if _TERMS.fullmatch(text):
        return timedelta(seconds=sum(float(number) * _UNITS[unit.lower()] for number, unit in _TERM.findall(text)))
    if match := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return None


def format_duration(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in the largest units that are whole."""
    left, terms = duration, []
    for unit in ("d", "h", "m"):
        count, left = divmod(left, timedelta(seconds=_UNITS[unit]))
        if count:
            terms.append(f"{count}{unit}")
    if left or not terms:
        terms.append(f"{left.total_seconds():.6f}".rstrip("0").rstrip(".") + "s")
    return "".join(terms)
