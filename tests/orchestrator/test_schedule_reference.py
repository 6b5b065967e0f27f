"""Every example of docs/reference/schedules.md is executed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.cron import FIELDS, LONGEST_EXPRESSION
from orchestrator.model import CatchUp, Schedule
from orchestrator.schedule import (
    LEAST_GRACE,
    LONGEST_INTERVAL,
    MOST_AT_ONCE,
    Due,
    ScheduleError,
    check,
    first_slot,
    next_slot,
    resume,
    slots_due,
    upcoming,
)
from tests.support.cron_oracle import utc

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs/reference/schedules.md").read_text(encoding="utf-8")

Row = dict[str, str]


def tables(page: str) -> Iterator[list[Row]]:
    """The Markdown tables of `page`: one dictionary per row, by the names of the columns."""
    for block in page.strip().split("\n\n"):
        if block.startswith("|"):
            header, _, *rows = map(cells, block.split("\n"))
            yield [dict(zip(header, row, strict=True)) for row in rows]


def cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.split("|")[1:-1]]


def examples(*columns: str) -> pytest.MarkDecorator:
    """One test for each row of the tables that have exactly these columns, and the schedule's own."""
    found = [row for table in tables(PAGE) for row in table if {*row} - {"run_every", "cron", "timezone"} == {*columns}]
    assert found, f"no table with the columns {columns}"
    return pytest.mark.parametrize("row", found, ids=lambda row: " ".join(filter(None, row.values()))[:60])


def schedule(row: Row) -> Schedule:
    every = row.get("run_every", "")
    return Schedule(interval(every) if every else None, row.get("cron") or None, row.get("timezone") or "UTC")


def interval(text: str) -> timedelta:
    number, unit = text.split()
    return timedelta(**{unit.removesuffix("s") + "s": int(number)})


def optional_utc(text: str) -> datetime | None:
    return utc(text) if text else None


def instants(text: str) -> list[datetime]:
    return [utc(instant) for instant in text.split(", ") if instant]


def written(due: Due) -> str:
    """How the page writes what was skipped."""
    return f"{due.skipped.reason} {due.skipped.count} from {due.skipped.first_at:%Y-%m-%d %H:%M}" if due.skipped else ""


@examples("After", "Next slots")
def test_cron_example_comes_true(row: Row) -> None:
    assert_upcoming(row, anchor=row["After"])


@examples("What happens", "After", "Next slots")
def test_clock_change_example_comes_true(row: Row) -> None:
    assert_upcoming(row, anchor=row["After"])


@examples("Grid starts at", "After", "Next slots")
def test_interval_example_comes_true(row: Row) -> None:
    assert_upcoming(row, anchor=row["Grid starts at"])


def assert_upcoming(row: Row, *, anchor: str) -> None:
    expected = instants(row["Next slots"])
    check(schedule(row))
    assert upcoming(schedule(row), after=utc(row["After"]), anchor=utc(anchor), count=len(expected)) == expected


@examples("Event", "next_slot_at", "At", "next_slot_at becomes", "Skipped")
def test_first_slot_example_comes_true(row: Row) -> None:
    due = first_due(row)
    assert (due.next_slot_at, written(due)) == (optional_utc(row["next_slot_at becomes"]), row["Skipped"])


def first_due(row: Row) -> Due:
    now = utc(row["At"])
    if row["Event"] == "new":
        return Due((), None, first_slot(schedule(row), created_at=now))
    if row["Event"] == "edit":
        return Due((), None, next_slot(schedule(row), after=now, anchor=now))
    return resume(schedule(row), since=utc(row["next_slot_at"]), now=now)


@examples("catch_up", "next_slot_at", "Tick at", "Busy", "Runs", "Skipped", "next_slot_at becomes")
def test_catch_up_example_comes_true(row: Row) -> None:
    due = slots_due(
        schedule(row),
        CatchUp(row["catch_up"]),
        since=utc(row["next_slot_at"]),
        now=utc(row["Tick at"]),
        busy=row["Busy"] == "yes",
    )
    assert list(due.slots) == instants(row["Runs"])
    assert written(due) == row["Skipped"]
    assert due.next_slot_at == optional_utc(row["next_slot_at becomes"])


@examples("Message")
def test_refused_example_gets_its_message(row: Row) -> None:
    with pytest.raises(ScheduleError) as error:
        check(schedule(row))
    assert str(error.value) == row["Message"]


@examples("Field", "Values", "Beyond numbers")
def test_field_is_described_as_checked(row: Row) -> None:
    assert row["Field"] in FIELDS
    numbers = row["Values"].split(",")[0].replace("`", "").split("-")
    assert f"from {numbers[0]} to {numbers[1]}" in FIELDS[row["Field"]]


def test_page_states_the_limits() -> None:
    assert f"at most {LONGEST_EXPRESSION} characters" in PAGE
    assert f"at most {LONGEST_INTERVAL.days} days" in PAGE
    assert f"at most {MOST_AT_ONCE} per tick" in PAGE
    assert f"The grace is {LEAST_GRACE // timedelta(minutes=1)} minutes" in PAGE
