"""The path of a load, from its environment to what is in the destination and in the run folder."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.project import ROOT
from worker.contract.exit_code import ExitCode
from worker.contract.run_folder import local_path
from worker.contract.run_spec import LoadMode, MetadataColumns, SchemaHandling

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runs import Runs

_COLUMNS = {"id": "INT64", "name": "STRING", "day": "DATE"}


class TestSuccess:
    def test_report_says_what_was_done(self, runs: Runs) -> None:
        runs.write_rows([1, 2, 3])
        assert runs.run("first") == ExitCode.OK
        report = runs.report("first")
        assert (report.status, report.error, report.warnings) == ("succeeded", None, [])
        assert (report.rows, report.units, report.units_skipped, report.cursor) == (3, 2, 0, 3)
        assert report.bytes > 0
        assert report.started_at < report.finished_at

    def test_run_folder_keeps_what_later_runs_need_and_no_parts(self, runs: Runs, tmp_path: Path) -> None:
        runs.write_rows([1, 2])
        assert runs.run("first") == ExitCode.OK
        folder = local_path(runs.folder("first").url)
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert names == {"fence-1.json", "plan.json", "units/ids-1-2.json", "report-1.json", "log-1.jsonl"}
        assert list(tmp_path.rglob("*.parquet")) == []

    def test_log_in_the_run_folder_is_what_was_printed(self, runs: Runs) -> None:
        runs.write_rows([1])
        assert runs.run("first") == ExitCode.OK
        log = runs.folder("first").log(1)
        assert log is not None
        (line,) = map(json.loads, log.decode().splitlines())
        assert line == json.loads(runs.output())
        assert (line["severity"], line["message"], line["run"], line["rows"]) == ("INFO", "run succeeded", "first", 1)

    def test_metadata_columns_are_added_under_their_names(self, runs: Runs) -> None:
        runs.write_rows([1])
        names = MetadataColumns(run_id="loaded_by", loaded_at="loaded_at")
        assert runs.run("first", metadata_columns=names) == ExitCode.OK
        started_at = runs.report("first").started_at
        assert runs.query("SELECT loaded_by, epoch_us(loaded_at) FROM lake.lake.rows") == [
            ("first", int(started_at.timestamp() * 1_000_000))
        ]

    def test_metadata_columns_may_be_off(self, runs: Runs) -> None:
        runs.write_rows([1])
        assert runs.run("first", metadata_columns=None) == ExitCode.OK
        assert runs.query("FROM lake.lake.rows") == [(1, "row 1", "2026-01-01")]

    def test_nothing_to_load_is_a_success_that_keeps_the_cursor(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        assert runs.run("first", cursor=2) == ExitCode.OK
        assert (runs.report("first").rows, runs.report("first").cursor) == (0, 2)
        assert not runs.lake.exists()

    def test_cursor_of_a_crashed_run_is_kept_when_nothing_came_after_it(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        runs.run("first", failpoint="worker.after_publish")
        assert runs.run("second", earlier=["first"]) == ExitCode.OK
        assert (runs.report("second").rows, runs.report("second").cursor) == (0, 2)

    def test_run_started_by_hand_leaves_no_folder(self, runs: Runs, tmp_path: Path) -> None:
        runs.write_rows([1, 2])
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        spec = runs.spec("any").model_copy(update={"run_id": None, "run_folder": None})
        assert runs.start(spec, TMPDIR=str(scratch)).wait() == ExitCode.OK
        assert runs.ids() == [1, 2]
        assert list(scratch.iterdir()) == []

    def test_values_too_long_for_an_environment_come_from_the_run_folder(self, runs: Runs) -> None:
        runs.write_rows([1])
        spec = runs.spec("first", source={"comment": "x" * 20_000})
        environment = runs.folder("first").spill(runs.environment(spec))
        assert len(environment["SOURCE"]) < 100
        assert runs.start_in(environment).wait() == ExitCode.OK
        assert runs.ids() == [1]


class TestFence:
    def test_of_two_executions_of_an_attempt_one_acts(self, runs: Runs) -> None:
        runs.write_rows([1, 2, 3])
        started = [runs.start(runs.spec("first"), EXECUTION=f"execution {n}") for n in range(4)]
        codes = sorted(process.wait() for process in started)
        assert codes == [ExitCode.OK, ExitCode.FENCED, ExitCode.FENCED, ExitCode.FENCED]
        assert runs.ids() == [1, 2, 3]

    def test_loser_names_the_holder(self, runs: Runs) -> None:
        runs.write_rows([1])
        runs.start(runs.spec("first"), EXECUTION="jobs/one").wait()
        before = runs.report("first")
        assert runs.run("first") == ExitCode.FENCED
        assert "got a fence held by jobs/one since" in runs.output()
        assert runs.report("first") == before

    def test_holder_without_a_name_is_told_by_its_process(self, runs: Runs) -> None:
        runs.write_rows([1])
        process = runs.start(runs.spec("first"))
        assert process.wait() == ExitCode.OK
        fence = runs.folder("first").fence(1)
        assert fence is not None
        assert fence.execution.split("/")[1] == str(process.pid)

    def test_revoked_attempt_touches_nothing(self, runs: Runs) -> None:
        runs.write_rows([1])
        assert runs.folder("first").revoke(1)
        assert runs.run("first") == ExitCode.FENCED
        assert "the orchestrator, which revoked it" in runs.output()
        assert (runs.folder("first").plan(), runs.folder("first").report(1)) == (None, None)
        assert not runs.lake.exists()


class TestRetry:
    def test_plan_stays_though_the_source_has_changed(self, runs: Runs) -> None:
        runs.write_rows([1, 2, 3])
        runs.run("first", failpoint="worker.after_plan")
        runs.write_rows([1, 2, 3, 4])
        assert runs.run("first", attempt=2) == ExitCode.OK
        assert runs.ids() == [1, 2, 3]
        assert runs.report("first", 2).cursor == 3

    def test_source_is_not_asked_again_for_a_plan_that_stands(self, runs: Runs) -> None:
        runs.write_rows([1, 2, 3])
        runs.run("first", failpoint="worker.after_plan")
        assert runs.run("first", attempt=2, source={"password": "env://THAT_FAILS_EACH_PLAN"}) == ExitCode.OK

    def test_staged_parts_are_published_as_they_are(self, runs: Runs) -> None:
        runs.write_rows([1, 2], name="as staged")
        runs.run("first", failpoint="worker.after_manifest")
        runs.write_rows([1, 2], name="as it is now")
        assert runs.run("first", attempt=2) == ExitCode.OK
        assert runs.query("SELECT DISTINCT name FROM lake.lake.rows") == [("as staged",)]

    @pytest.mark.parametrize("damage", ["lost", "cut off"])
    def test_parts_that_are_gone_are_read_again(self, runs: Runs, tmp_path: Path, damage: str) -> None:
        runs.write_rows([1, 2], name="as staged")
        runs.run("first", failpoint="worker.after_manifest")
        (part,) = tmp_path.rglob("*.parquet")
        part.unlink() if damage == "lost" else part.write_bytes(part.read_bytes()[:-1])
        runs.write_rows([1, 2], name="as it is now")
        assert runs.run("first", attempt=2, failpoint="worker.before_publish") != ExitCode.OK
        runs.write_rows([1, 2], name="as it is later")
        assert runs.run("first", attempt=3) == ExitCode.OK
        assert runs.query("SELECT DISTINCT name FROM lake.lake.rows") == [("as it is now",)]

    def test_units_of_an_earlier_attempt_count_as_rows_of_the_run(self, runs: Runs) -> None:
        runs.write_rows([1, 2, 3])
        runs.run("first", failpoint="worker.after_publish")
        assert runs.run("first", attempt=2) == ExitCode.OK
        report = runs.report("first", 2)
        assert (report.rows, report.units, report.units_skipped) == (3, 1, 1)


class TestSecondRun:
    def test_custom_schema_beside_auto_detect_is_left_alone(self, runs: Runs) -> None:
        runs.write_rows([1])
        assert runs.run("first", custom_schema=[{"name": "other", "type": "INT64"}]) == ExitCode.OK
        assert runs.ids() == [1]

    def test_append_goes_on_after_the_cursor(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        runs.run("first")
        runs.write_rows([1, 2, 3])
        assert runs.run("second", cursor=runs.report("first").cursor) == ExitCode.OK
        assert runs.ids() == [1, 2, 3]

    def test_earlier_run_that_planned_nothing_changes_nothing(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        runs.run("first", failpoint="worker.after_fence")
        assert runs.run("second", earlier=["first", "never-started"]) == ExitCode.OK
        assert runs.ids() == [1, 2]

    def test_replace_after_a_crash_replaces(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        runs.run("first", load_mode=LoadMode.REPLACE, failpoint="worker.after_publish")
        runs.write_rows([2, 3])
        assert runs.run("second", load_mode=LoadMode.REPLACE, earlier=["first"]) == ExitCode.OK
        assert runs.ids() == [2, 3]

    def test_partitions_replace_their_days(self, runs: Runs) -> None:
        runs.write_rows([1, 2, 3])
        custom: dict[str, Any] = {
            "load_mode": LoadMode.PARTITIONS,
            "schema_handling": SchemaHandling.CUSTOM,
            "custom_schema": [{"name": n, "type": t} for n, t in _COLUMNS.items()],
            "metadata_columns": None,
        }
        assert runs.run("first", **custom) == ExitCode.OK
        assert runs.run("second", cursor=1, **custom) == ExitCode.OK
        assert runs.ids() == [1, 2, 3]

    def test_merge_replaces_rows_of_the_same_key(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        runs.run("first", load_mode=LoadMode.MERGE, merge_key=["id"])
        runs.write_rows([1, 2, 3], name="new")
        assert runs.run("second", load_mode=LoadMode.MERGE, merge_key=["id"], cursor=1) == ExitCode.OK
        assert runs.query("SELECT id, name FROM lake.lake.rows ORDER BY id") == [(1, "row 1"), (2, "new"), (3, "new")]


class TestReplaceGuard:
    def replaced(self, runs: Runs, before: int, after: int, *, allow_drop: bool = False) -> int:
        runs.write_rows(range(1, before + 1))
        assert runs.run("first", load_mode=LoadMode.REPLACE) == ExitCode.OK
        runs.write_rows(range(1, after + 1))
        return runs.run("second", load_mode=LoadMode.REPLACE, allow_drop=allow_drop)

    @pytest.mark.parametrize(("before", "after"), [(5, 2), (1, 0), (28, 13)])
    def test_fewer_than_half_of_the_rows_are_refused(self, runs: Runs, before: int, after: int) -> None:
        assert self.replaced(runs, before, after) == ExitCode.CONFIGURATION
        error = runs.report("second").error
        assert error is not None
        assert f"at least half of its {before} rows, got {after}" in error.text
        assert len(runs.ids()) == before

    @pytest.mark.parametrize(("before", "after"), [(4, 2), (0, 0), (0, 3)])
    def test_half_of_the_rows_or_more_are_taken(self, runs: Runs, before: int, after: int) -> None:
        assert self.replaced(runs, before, after) == ExitCode.OK
        assert len(runs.ids()) == after

    def test_config_may_allow_it_and_is_warned(self, runs: Runs) -> None:
        assert self.replaced(runs, 5, 0, allow_drop=True) == ExitCode.OK
        assert runs.ids() == []
        assert runs.report("second").warnings == ["table lake.rows: 0 rows replace 5, since allow_drop is set"]


class TestWhatASourceIsTold:
    def told(self, runs: Runs, tells: str, **fields: Any) -> str:  # noqa: ANN401 - RunSpec's
        run_id = fields.pop("run_id", "witness")
        spec = runs.spec(run_id, **fields).model_copy(update={"kind": "witness", "source": {"tells": tells}})
        assert runs.start(spec, BATCH_SIZE="5").wait() == ExitCode.OK
        (warning,) = runs.report(run_id, spec.attempt).warnings
        return warning

    def test_request_is_what_the_run_asks_for(self, runs: Runs) -> None:
        fields = {"load_mode": LoadMode.MERGE, "merge_key": ["id"], "cursor": 7, "start_date": "2026-01-01"}
        assert self.told(runs, "request", **fields) == str(["rows", "merge", 5, 7, False, "2026-01-01", None])

    @pytest.mark.parametrize("fields", [{"attempt": 2}, {"earlier": ["one"]}])
    def test_failure_before_is_told(self, runs: Runs, fields: dict[str, Any]) -> None:
        assert self.told(runs, "request", **fields) == str(["rows", "append", 5, None, True, None, None])

    def test_table_is_shown_without_the_metadata_columns(self, runs: Runs) -> None:
        assert self.told(runs, "existing") == "None"
        runs.write_rows([1])
        runs.run("first")
        expected = ["id int64", "name string", "day string"]
        assert self.told(runs, "existing", run_id="second") == str(expected)
        in_full = [*expected, "_sluice_run_id string", "_sluice_loaded_at timestamp[us, tz=UTC]"]
        assert self.told(runs, "existing", run_id="third", metadata_columns=None) == str(in_full)


def test_clients_are_loaded_after_the_first_request(runs: Runs) -> None:
    """In an interpreter of its own, since the processes of the other tests begin with everything loaded."""
    spec = runs.spec("first").model_copy(update={"kind": "witness", "source": {}})
    program = [sys.executable, "-m", "tests.support.worker_main"]
    environment = runs.environment(spec, EXECUTION="named by its launcher")
    done = subprocess.run(program, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.OK, done.stderr
    assert runs.report("first").warnings == ["[]"]
