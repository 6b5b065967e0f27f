"""A worker that dies anywhere: each row of the source is there once, as soon as a run after it has succeeded.

Every failpoint once, the first time that it is passed; with SLUICE_FULL_MATRIX=1 every time, with cursors and without.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from worker.contract.exit_code import ExitCode
from worker.contract.report import ErrorKind
from worker.failpoints import NAMES

if TYPE_CHECKING:
    from tests.support.runs import Runs

_KILLED = -signal.SIGKILL
_ROWS = [1, 2, 3, 4, 5]  # three units
_IN_UNITS = [name for name in NAMES if name.endswith(("part", "manifest", "publish", "commit"))]
_HEARD = NAMES[NAMES.index("worker.after_fence") : NAMES.index("worker.before_report")]
_CERTAIN = NAMES[NAMES.index("worker.before_report") :]
_PASSED_AGAIN = [f"{name}:{nth}" for nth in (2, 3) for name in _IN_UNITS]
_SAMPLE = [
    *((name, True) for name in NAMES),
    ("duckdb.before_commit:2", True),
    ("duckdb.after_commit:2", True),
    ("worker.after_manifest", False),
    ("duckdb.after_commit:2", False),
    ("worker.after_publish:3", False),
]
_MATRIX = [(name, has_cursor) for name in (*NAMES, *_PASSED_AGAIN) for has_cursor in (True, False)]


@pytest.mark.parametrize(
    ("failpoint", "has_cursor"), _MATRIX if os.environ.get("SLUICE_FULL_MATRIX") == "1" else _SAMPLE
)
class TestKilled:
    def test_next_attempt_finishes_the_run(self, runs: Runs, failpoint: str, has_cursor: bool) -> None:
        runs.write_rows(_ROWS)
        source = {"has_cursor": has_cursor}
        assert runs.run("first", failpoint=failpoint, source=source) == _KILLED
        assert runs.run("first", attempt=2, source=source) == ExitCode.OK
        assert runs.ids() == _ROWS
        assert runs.report("first", 2).rows == len(_ROWS)

    def test_new_run_goes_on_where_the_killed_one_was(self, runs: Runs, failpoint: str, has_cursor: bool) -> None:
        runs.write_rows(_ROWS)
        source = {"has_cursor": has_cursor}
        assert runs.run("first", failpoint=failpoint, source=source) == _KILLED
        assert runs.run("second", earlier=["first"], source=source) == ExitCode.OK
        assert runs.ids() == _ROWS
        assert runs.report("second").cursor == (_ROWS[-1] if has_cursor else None)


@pytest.mark.parametrize("failpoint", _HEARD)
def test_run_that_is_asked_to_end_leaves_whole_units(runs: Runs, failpoint: str) -> None:
    runs.write_rows(_ROWS)
    assert runs.run("first", failpoint=f"{failpoint}:1:TERM") == ExitCode.TRY_AGAIN
    error = runs.report("first").error
    assert error is not None
    assert error.kind is ErrorKind.CANCELLED
    assert len(runs.ids()) in {0, 2}
    assert runs.run("first", attempt=2) == ExitCode.OK
    assert runs.ids() == _ROWS


@pytest.mark.parametrize("failpoint", _CERTAIN)
def test_run_whose_outcome_is_certain_does_not_hear_that_it_shall_end(runs: Runs, failpoint: str) -> None:
    runs.write_rows(_ROWS)
    assert runs.run("first", failpoint=f"{failpoint}:1:TERM") == ExitCode.OK
    assert runs.report("first").status == "succeeded"
    assert runs.ids() == _ROWS


def test_run_that_is_asked_to_end_before_it_has_begun_leaves_nothing(runs: Runs) -> None:
    runs.write_rows(_ROWS)
    assert runs.run("first", failpoint="worker.before_fence:1:TERM") == ExitCode.TRY_AGAIN
    assert runs.folder("first").fence(1) is None
    assert runs.run("first") == ExitCode.OK


def test_failpoints_are_passed_in_their_order(runs: Runs) -> None:
    """A failpoint that no load passes would test nothing."""
    runs.write_rows([1])
    for place, name in enumerate(NAMES):
        assert runs.run(f"run-{place}", failpoint=name) == _KILLED, name


def test_run_overtaken_by_two_crashed_ones_adds_nothing_twice(runs: Runs) -> None:
    runs.write_rows(_ROWS)
    assert runs.run("first", failpoint="duckdb.after_commit") == _KILLED
    runs.write_rows([*_ROWS, 6, 7])
    assert runs.run("second", failpoint="duckdb.after_commit:2", earlier=["first"]) == _KILLED
    assert runs.run("third", earlier=["first", "second"]) == ExitCode.OK
    assert runs.ids() == [*_ROWS, 6, 7]


def test_run_without_cursor_finishes_what_it_adopts_through_another_crash(runs: Runs) -> None:
    runs.write_rows(_ROWS)
    source = {"has_cursor": False}
    assert runs.run("first", failpoint="duckdb.after_commit", source=source) == _KILLED
    assert runs.run("second", failpoint="duckdb.after_commit", earlier=["first"], source=source) == _KILLED
    assert runs.run("third", earlier=["first", "second"], source=source) == ExitCode.OK
    assert runs.ids() == _ROWS
    (warning,) = runs.report("third").warnings
    assert warning.startswith("run first failed after it had published 2 of 3 units: this run finishes that one")


def test_killed_publisher_leaves_the_file_as_it_was(runs: Runs) -> None:
    runs.write_rows([1, 2])
    assert runs.run("first", load_mode="replace") == ExitCode.OK
    runs.write_rows([3, 4, 5])
    assert runs.run("second", load_mode="replace", failpoint="duckdb.before_commit") == _KILLED
    assert runs.ids() == [1, 2]
