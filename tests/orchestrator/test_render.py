from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from orchestrator import render

AT = datetime(2026, 11, 20, 12, 6, 37, tzinfo=UTC)
CONFIGS = ("id", "name", "kind", "destination", "schedule", "next", "last success", "rows", "state")
SALES = [1, "sales", "google_sheet", "sales.q4_data", "1d", AT, AT, 344, "ok"]
RUNS = ("run", "config", "state", "attempt", "rows", "queued", "took", "note")
FAILED = ["e53120cb", "penguins", "rejected", 1, None, AT, "0.4s", "source.tab: expected the name of a tab"]


def _shown(columns: tuple[str, ...], row: list[object], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(render.terminal_table(columns, [row], width))
    return [line for line in capture.get().splitlines() if line.strip()]


@pytest.mark.parametrize(("columns", "row"), [(CONFIGS, SALES), (RUNS, FAILED)], ids=["configs", "runs"])
@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_table_has_a_line_per_row_on_any_terminal(columns: tuple[str, ...], row: list[object], width: int) -> None:
    assert len(_shown(columns, row, width)) == len(["header", "rule", "row"])


def test_narrow_terminal_goes_without_what_matters_least() -> None:
    assert " ".join(_shown(CONFIGS, SALES, 80)[0].split()) == "name destination schedule next last success rows state"
    assert " ".join(_shown(RUNS, FAILED, 80)[0].split()) == "run config state rows queued note"


def test_wide_terminal_shows_everything() -> None:
    assert _shown(CONFIGS, SALES, 160)[0].split() == " ".join(CONFIGS).split()
    assert "11-20 12:06Z" in _shown(CONFIGS, SALES, 160)[-1]


def test_long_name_is_wrapped_and_pushes_nothing_out() -> None:
    lines = _shown(CONFIGS, [1, "a" * 50, *SALES[2:]], 80)
    assert "".join(line.split()[0] for line in lines[2:]) == "a" * 50
    assert "ok" in lines[2]
