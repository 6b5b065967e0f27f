"""Where a run starts after runs that failed; with real processes in `test_load_crashes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker.contract.run_folder import Plan, PlannedUnit, RunFolder
from worker.contract.run_spec import LoadMode, RunSpec
from worker.destination import Receipt
from worker.resolve import Adopted, Start, receipt_key, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from worker.contract.run_folder import Part
    from worker.destination import Table, Target


class Published:
    """A destination that has published some units."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def published(self, keys: Sequence[str]) -> dict[str, Receipt]:
        return {key: Receipt(key, 1) for key in keys if key in self.keys}

    def describe(self, target: Target) -> Table | None:
        raise NotImplementedError

    def publish(self, target: Target, key: str, parts: Sequence[Part], mode: LoadMode) -> Receipt:
        raise NotImplementedError


class Earlier:
    """Earlier runs, each with units of these cursors."""

    def __init__(self, home: Path, **plans: list[Any] | None) -> None:
        self.urls = tuple(f"file://{home}/runs/c/{run}" for run in plans)
        self.plans = {
            run: Plan(units=tuple(PlannedUnit(key=f"u{place}", cursor=at) for place, at in enumerate(cursors)))
            for run, cursors in plans.items()
            if cursors is not None
        }
        for run, plan in self.plans.items():
            RunFolder(f"file://{home}/runs/c/{run}").save_plan(plan)

    def start(self, *published: str, mode: LoadMode = LoadMode.APPEND, cursor: object = 0) -> Start:
        spec = RunSpec(
            config_name="c", kind="k", dataset="d", table="t", load_mode=mode, cursor=cursor, earlier_runs=self.urls
        )
        return resolve(spec, Published(*published))


def test_key_names_run_and_unit() -> None:
    assert receipt_key("run", "unit") == "run/unit"


def test_run_without_earlier_ones_starts_at_its_cursor(tmp_path: Path) -> None:
    assert Earlier(tmp_path).start() == Start(0)


@pytest.mark.parametrize(
    ("published", "cursor"),
    [([], 0), (["a/u0"], 1), (["a/u0", "a/u1"], 2), (["a/u0", "b/u0"], 3), (["b/u0"], 3)],
)
def test_cursor_is_that_of_the_last_published_unit(tmp_path: Path, published: list[str], cursor: int) -> None:
    assert Earlier(tmp_path, a=[1, 2], b=[3, 4]).start(*published) == Start(cursor)


def test_run_that_never_planned_has_published_nothing(tmp_path: Path) -> None:
    assert Earlier(tmp_path, a=None, b=[1]).start("b/u0") == Start(1)


def test_run_with_nothing_to_do_changes_nothing(tmp_path: Path) -> None:
    assert Earlier(tmp_path, a=[]).start() == Start(0)


@pytest.mark.parametrize("published", [["a/u0"], ["a/u0", "a/u1"]])
def test_append_without_cursors_adopts_the_run_that_has_published(tmp_path: Path, published: list[str]) -> None:
    earlier = Earlier(tmp_path, a=[None, None], b=None)
    assert earlier.start(*published) == Start(0, Adopted("a", earlier.plans["a"]))


def test_append_without_cursors_adopts_no_run_that_has_not(tmp_path: Path) -> None:
    assert Earlier(tmp_path, a=[None], b=[None]).start() == Start(0)


@pytest.mark.parametrize("mode", [LoadMode.MERGE, LoadMode.PARTITIONS])
def test_modes_that_replace_rows_adopt_none(tmp_path: Path, mode: LoadMode) -> None:
    assert Earlier(tmp_path, a=[None]).start("a/u0", mode=mode) == Start(0)


def test_replace_does_not_look(tmp_path: Path) -> None:
    assert Earlier(tmp_path, a=[1]).start("a/u0", mode=LoadMode.REPLACE) == Start(0)


def test_gap_among_published_units_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"expected its units to be published in order, got \['u1'\]"):
        Earlier(tmp_path, a=[1, 2]).start("a/u1")
