"""`sluice-worker` on the command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.project import ROOT
from worker.contract.exit_code import ExitCode
from worker.contract.run_spec import LoadMode, RunSpec
from worker.preview import check

if TYPE_CHECKING:
    from tests.support.runs import Runs


def printed(runs: Runs) -> list[dict[str, Any]]:
    return [json.loads(line) for line in runs.output().splitlines()]


def of_kind(runs: Runs, kind: str) -> list[dict[str, Any]]:
    return [line[kind] for line in printed(runs) if kind in line]


class TestPlan:
    def test_units_columns_and_ten_rows_are_shown_and_nothing_is_written(self, runs: Runs) -> None:
        runs.write_rows(range(1, 15))
        spec = runs.spec("first", source={"unit_rows": 12})
        assert runs.start(spec, "plan").wait() == ExitCode.OK
        assert of_kind(runs, "unit") == [
            {"key": "ids-1-12", "cursor": 12, "window": [1, 12]},
            {"key": "ids-13-14", "cursor": 14, "window": [13, 14]},
        ]
        assert [(column["name"], column["type"]) for column in of_kind(runs, "column")] == [
            ("id", "INT64"),
            ("name", "STRING"),
            ("day", "STRING"),
            ("_sluice_run_id", "STRING"),
            ("_sluice_loaded_at", "TIMESTAMP"),
        ]
        assert [row["id"] for row in of_kind(runs, "row")] == list(range(1, 11))
        assert sorted(path.name for path in runs.home.iterdir()) == ["output.log", "rows.json"]

    def test_nothing_to_load_shows_no_rows(self, runs: Runs) -> None:
        runs.write_rows([1])
        assert runs.start(runs.spec("first", cursor=1), "plan").wait() == ExitCode.OK
        assert [kind for line in printed(runs) for kind in line] == ["job"]

    def test_unit_without_rows_shows_its_columns(self, runs: Runs) -> None:
        runs.write_rows([])
        assert runs.start(runs.spec("first", load_mode="replace"), "plan").wait() == ExitCode.OK
        assert of_kind(runs, "row") == []
        assert len(of_kind(runs, "column")) == 4

    def test_run_whose_fence_is_held_can_be_looked_at(self, runs: Runs) -> None:
        runs.write_rows([1])
        runs.folder("first").revoke(1)
        assert runs.start(runs.spec("first"), "plan").wait() == ExitCode.OK

    def test_fault_of_the_source_is_said(self, runs: Runs) -> None:
        runs.file.write_text("[")
        assert runs.start(runs.spec("first"), "plan").wait() == ExitCode.BUG
        assert "worker: expected no error, got JSONDecodeError" in runs.output()


class TestCheck:
    def test_environment_is_checked_without_the_source(self, runs: Runs) -> None:
        assert runs.start(runs.spec("first", source={"file": "/no/such/file"}), "check").wait() == ExitCode.OK
        assert of_kind(runs, "job") == [
            {
                "config": "rows",
                "kind": "rows",
                "mode": "append",
                "table": "lake.rows",
                "destination": f"duckdb://{runs.lake}",
            }
        ]

    def test_fault_is_said_with_its_exit_code(self, runs: Runs) -> None:
        assert runs.start(runs.spec("first", source={"unit_rows": "many"}), "check").wait() == ExitCode.CONFIGURATION
        assert "source.unit_rows: expected" in runs.output()

    def test_spilled_values_are_read(self, runs: Runs) -> None:
        spec = runs.spec("first", source={"comment": "x" * 20_000})
        environment = runs.folder("first").spill(runs.environment(spec))
        assert runs.start_in(environment, "check").wait() == ExitCode.OK


class TestFlags:
    @pytest.mark.parametrize("flag", ["--log_level", "--log-level"])
    def test_log_level(self, runs: Runs, flag: str) -> None:
        runs.write_rows([1])
        assert runs.start(runs.spec("first"), flag, "error", LOG_LEVEL="INFO").wait() == ExitCode.OK
        assert runs.output() == ""

    def test_dates_win_over_variables(self, runs: Runs) -> None:
        flags = ("--start-date", "2026-01-01", "--end-date", "yesterday")
        assert runs.start(runs.spec("first"), "check", *flags).wait() == ExitCode.CONFIGURATION
        assert "END_DATE: expected" in runs.output()
        assert "got 'yesterday'" in runs.output()
        assert "START_DATE" not in runs.output()

    def test_unknown_command_is_a_usage_error(self, runs: Runs) -> None:
        assert runs.start(runs.spec("first"), "reload").wait() == 2
        assert "usage: sluice-worker" in runs.output()


def test_module_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == ExitCode.OK
    assert done.stdout.startswith("usage: sluice-worker")
    for variable in ("LOG_LEVEL", "START_DATE", "END_DATE"):
        assert variable in done.stdout


def test_terminal_gets_lines_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    spec = RunSpec(
        config_name="prices",
        kind="stock_prices",
        source={"tickers": ["AAPL"]},
        dataset="market_raw",
        table="stock_prices",
        load_mode=LoadMode.PARTITIONS,
        destination_url="duckdb://lake.duckdb",
    )
    assert check(spec.to_env()) == ExitCode.OK
    assert terminal.getvalue() == (
        "job     config=prices  kind=stock_prices  mode=partitions  table=market_raw.stock_prices"
        "  destination=duckdb://lake.duckdb\n"
    )
