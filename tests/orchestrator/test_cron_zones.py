"""Every zone at its transitions, and at any time, against the oracle.

One transition of each zone, drawn by the seed of the run, and the unusual ones; with SLUICE_FULL_MATRIX=1 all
transitions from 1990 to 2040.
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.cron import instant_after
from tests.support.cron_oracle import MINUTE, Oracle, distinct_zone_names, timeline, transitions, utc

FULL_MATRIX = os.environ.get("SLUICE_FULL_MATRIX") == "1"
START, END = utc("1990-01-01 00:00"), utc("2040-01-01 00:00")
HOUR = timedelta(hours=1)
AROUND = 5 * HOUR

EXPRESSIONS = [
    "*/5 * * * *",
    "0 * * * *",
    "45 * * * *",
    "15 */1 * * SUN",
    "*/15 0 * * *",
    "* 2 * * *",
    "* 3 * * *",
    "*/10 * 1-15 * *",
    "0 */2 * * *",
    "30 2 * * *",
    "0 0 * * *",
    "0,15,30 0-3 * * *",
    "17 1,2,3 * * *",
    "59 23,0,1 * * *",
    "0 12 * * *",
]

FIELDS = [
    ["*", "*/7", "0", "59", "5-20/5", "30,45"],
    ["*", "*/3", "2", "0-3", "1,2,23"],
    ["*", "*/10", "1", "28-31", "L", "LW", "13,L"],
    ["*", "FEB", "3,10", "*/2"],
    ["*", "SUN", "MON-FRI", "MON#2", "5L", "7", "*/2", "6#5,0"],
]

CASES = [
    ("Africa/Casablanca", "2026-02-15 02:00"),  # winter time is the exception there, for a month
    ("America/Caracas", "2007-12-09 07:00"),  # back by half an hour, for good
    ("America/Goose_Bay", "2004-10-31 03:01"),  # at 00:01
    ("America/Havana", "2026-03-08 05:00"),  # midnight does not exist
    ("America/Nuuk", "2023-03-26 01:00"),  # forward, and stays: another base offset
    ("America/Nuuk", "2026-03-29 01:00"),
    ("America/Sao_Paulo", "2018-02-18 02:00"),  # midnight comes, and is Saturday again
    ("America/St_Johns", "2004-10-31 02:31"),
    ("Antarctica/Casey", "2018-03-10 17:00"),  # back by three hours
    ("Antarctica/Troll", "2026-03-29 01:00"),
    ("Antarctica/Troll", "2026-10-25 01:00"),
    ("Asia/Pyongyang", "2015-08-14 15:00"),
    ("Australia/Lord_Howe", "2026-04-04 15:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("Europe/Dublin", "2026-10-25 01:00"),
    ("Europe/Kiev", "2026-03-29 01:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),  # 30 December does not exist
    ("Pacific/Chatham", "2026-09-26 14:00"),  # at 02:45
    ("Pacific/Kwajalein", "1993-08-21 12:00"),  # 21 August does not exist
    ("Pacific/Norfolk", "2015-10-03 14:30"),
]


def drawn(zone: str) -> list[datetime]:
    """The transitions to look at; a zone without any is looked at somewhere."""
    if FULL_MATRIX:
        return list(transitions(zone, START, END, timedelta(hours=12)))
    year = utc(f"{random.randrange(1990, 2039)}-01-01 00:00")
    found = list(transitions(zone, year, year + timedelta(days=365), timedelta(days=7)))
    return [random.choice(found or [year])]


@pytest.mark.parametrize("zone", distinct_zone_names())
def test_zone_agrees_with_the_oracle_at_its_transitions(zone: str) -> None:
    for transition in drawn(zone):
        assert_agrees(zone, transition)


@pytest.mark.parametrize(("zone", "transition"), CASES)
def test_unusual_transition_agrees_with_the_oracle(zone: str, transition: str) -> None:
    assert list(transitions(zone, utc(transition) - AROUND, utc(transition) + AROUND, 2 * AROUND)) == [utc(transition)]
    assert_agrees(zone, utc(transition))


@given(
    st.tuples(*map(st.sampled_from, FIELDS)).map(" ".join),
    st.sampled_from(distinct_zone_names()),
    st.integers(0, 50 * 365 * 24 * 60).map(lambda minutes: utc("1990-01-01 00:00") + minutes * MINUTE),
)
@settings(max_examples=150, deadline=None)
def test_any_day_agrees_with_the_oracle(expression: str, timezone: str, start: datetime) -> None:
    minutes = timeline(timezone, start, start + timedelta(days=2))
    expected = [at for at in Oracle(expression).slots(minutes) if at > start]
    assert instants_until(expression, timezone, start, minutes[-1].at) == expected


def assert_agrees(zone: str, transition: datetime) -> None:
    minutes = timeline(zone, transition - AROUND, transition + AROUND)
    for expression in EXPRESSIONS:
        expected = Oracle(expression).slots(minutes)
        for after in (-5 * HOUR - MINUTE, -31 * MINUTE, -MINUTE, timedelta(0), 20 * MINUTE):
            found = instants_until(expression, zone, transition + after, minutes[-1].at)
            assert found == [at for at in expected if at > transition + after], (expression, transition, after)


def instants_until(expression: str, timezone: str, at: datetime, end: datetime) -> list[datetime]:
    found = []
    while (following := instant_after(expression, timezone, at)) and following <= end:
        found.append(following)
        at = following
    return found
