"""What commands print: tables and live progress on a terminal, tab-separated lines otherwise, JSON when asked for."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydantic import BaseModel
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    from sqlalchemy import RowMapping

    from orchestrator.views import TickView

_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "rejected": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "launching": "cyan",
    "ok": "green",
    "warning": "yellow",
    "launch": "green",
    "quarantine": "red",
    "reject": "red",
}
_NUMBERS = frozenset({"attempt", "rows", "took"})
_NARROWED = frozenset({"config", "destination", "found", "name", "note", "why"})
"""Columns that are told in words, and give way where the terminal is too narrow for all."""
_WORDS_WIDTH = 20
"""What these columns have, if they need it, before others are shown, too."""
_GIVEN_UP = ("kind", "id", "took", "attempt", "rows", "last success", "next", "queued")
"""Columns that a narrow terminal does without, the first of them first."""
_GAP = 3
_RUN_COLUMNS = ("run", "config", "state", "attempt", "rows", "queued", "took", "note")
_SHOWN_ID = 8


def say(text: str = "") -> None:
    """Print a line, now: whoever follows a log waits for it."""
    print(text, flush=True)  # noqa: T201 - this is where commands print


def complain(text: str) -> None:
    """Print a line to standard error."""
    print(text, file=sys.stderr)  # noqa: T201 - this is where commands print


def as_json(shown: BaseModel | Sequence[BaseModel] | Mapping[str, Any]) -> None:
    """Print one JSON document."""
    from pydantic_core import to_json

    say(to_json(shown, indent=2).decode())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows: a table for a person, else a header and tab-separated lines."""
    if sys.stdout.isatty():
        console = _console()
        console.print(terminal_table(columns, rows, console.width))
        return
    for line in [columns, *rows]:
        say("\t".join(map(value, line)))


def pairs(values: Iterable[tuple[str, object]]) -> None:
    """Print labels and values, those that are None left out."""
    shown = [(label, value(found)) for label, found in values if found is not None]
    width = max((len(label) for label, _ in shown), default=0) if sys.stdout.isatty() else 0
    for label, text in shown:
        say(f"{label:<{width}}  {text}" if width else f"{label}\t{text}")


def value(found: object, *, times: str = "%Y-%m-%d %H:%M:%SZ") -> str:
    """Return a value as it stands in a line: in one cell, without line breaks; times in UTC."""
    if found is None:
        return "-"
    if isinstance(found, datetime):
        return f"{found.astimezone(UTC):{times}}"
    if isinstance(found, timedelta):
        from orchestrator.durations import format_duration

        return format_duration(found)
    if isinstance(found, dict | list):
        return json.dumps(found, ensure_ascii=False, default=str)
    return " ".join(str(found).split())


def runs(rows: Iterable[RowMapping]) -> None:
    """Print runs, one line each."""
    table(_RUN_COLUMNS, [_run(row, now=None) for row in rows])


def tick(view: TickView) -> None:
    """Print what a tick did, or, line by line, what it would do."""
    if view.explanations:
        table(("would", "config", "why"), [(line.action, line.config, line.why) for line in view.explanations])
    for line in view.explanations:
        if line.environment:
            say(f"\n{line.config}, run {line.run_id}, attempt {line.attempt}:")
            for name, text in line.environment.items():
                say(f"  {name}={text}")
    done = ", ".join(f"{count} {name}" for name, count in view.counts.items()) or "nothing to do"
    rest = "" if view.complete else "; the budget ended it, the next tick goes on"
    say(f"{done}; {view.live} live{rest}")


def log(content: bytes) -> None:
    """Print a log: as it is, or, on a terminal, a line for a person for each JSON line."""
    for line in content.decode(errors="replace").splitlines():
        say(_log_line(line) if sys.stdout.isatty() else line)


def _log_line(line: str) -> str:
    try:
        entry = json.loads(line)
        time, severity, message = entry.pop("time"), entry.pop("severity"), entry.pop("message")
    except (ValueError, KeyError, AttributeError):
        return line
    fields = " ".join(f"{name}={value}" for name, value in entry.items() if name not in {"config", "run", "attempt"})
    return f"{time[11:19]} {severity:<7} {message}  {fields}".rstrip()


def failures(rows: Iterable[RowMapping]) -> None:
    """Print errors whole that a table has shortened."""
    for row in rows:
        if row["error"] and row["ended_at"] and sys.stdout.isatty():
            complain(f"error: {row['config_name']}: {row['error']}")


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[Sequence[RowMapping]], None]]:
    """Return what shows runs as they go: a table that changes in place, or a line per change of state."""
    if quiet:
        yield lambda _: None
    elif sys.stdout.isatty():
        with _live_table() as show:
            yield show
    else:
        yield _Changes().show


class _Changes:
    """A line whenever a run enters another state or attempt."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[str, int]] = {}

    def show(self, rows: Sequence[RowMapping]) -> None:
        for row in rows:
            now = row["state"], row["attempt"]
            if self._known.get(row["id"]) != now:
                self._known[row["id"]] = now
                say("\t".join(map(value, _run(row, now=datetime.now(UTC)))))
        sys.stdout.flush()


@contextmanager
def _live_table() -> Iterator[Callable[[Sequence[RowMapping]], None]]:
    from rich.live import Live

    latest: list[Sequence[RowMapping]] = [[]]
    console = _console()

    def shown() -> Table:
        now = datetime.now(UTC)
        return terminal_table(_RUN_COLUMNS, [_run(row, now=now) for row in latest[0]], console.width)

    with Live(console=console, get_renderable=shown, refresh_per_second=4):
        yield lambda rows: latest.__setitem__(0, rows)


def _run(row: RowMapping, *, now: datetime | None) -> list[object]:
    return [
        str(row["id"])[:_SHOWN_ID],
        row["config_name"],
        row["state"],
        row["attempt"] or None,
        row["rows"],
        row["queued_at"],
        _took(row, now),
        _why(row),
    ]


def _took(row: RowMapping, now: datetime | None) -> str | None:
    began, over = row["launching_at"], row["ended_at"] or now
    if began is None or over is None or row["state"] in {"queued", "skipped"}:
        return None
    return f"{max(timedelta(0), over - began).total_seconds():.1f}s"


def _why(row: RowMapping) -> str | None:
    why: str | None = row["error"] or row["reason"]
    if row["skipped_slots"] and row["skipped_slots"] > 1:
        why = f"{why} ({row['skipped_slots']} slots)"
    return why


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def terminal_table(columns: Sequence[str], rows: Iterable[Sequence[object]], width: int) -> Table:
    """Return rows as a table for a terminal of this width, which goes without some columns if it is narrow."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    texts = [[value(cell, times="%m-%d %H:%MZ") for cell in row] for row in rows]
    places = _fitting(columns, texts, width)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (columns[place] for place in places):
        justify: Literal["right", "left"] = "right" if column in _NUMBERS else "left"
        shown.add_column(column, justify=justify, overflow="fold", no_wrap=column not in _NARROWED)
    for row in texts:
        cells = {columns[place]: Text(row[place], style=_COLOURS.get(row[place], "")) for place in places}
        shown.add_row(*(_one_line(cell) if column == "note" else cell for column, cell in cells.items()))
    return shown


def _fitting(columns: Sequence[str], texts: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the places of the columns that a terminal of this width has room for."""
    needed = [max(len(cell) for cell in cells) for cells in zip(columns, *texts, strict=True)]
    needed = [
        min(cells, _WORDS_WIDTH) if column in _NARROWED else cells
        for column, cells in zip(columns, needed, strict=True)
    ]
    places = list(range(len(columns)))
    for column in _GIVEN_UP:
        if sum(needed[place] + _GAP for place in places) <= width + 1:
            break
        places = [place for place in places if columns[place] != column]
    return places


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
