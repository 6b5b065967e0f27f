"""What ends a load before its end: what is said, what is left behind, and with which exit code."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import wait_until
from worker.contract.exit_code import ExitCode
from worker.contract.report import ErrorKind, ErrorReport
from worker.contract.run_folder import local_path
from worker.contract.run_spec import LoadMode, MetadataColumns, SchemaHandling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Started
    from tests.support.runs import Runs


def error_of(runs: Runs, run_id: str = "first", attempt: int = 1) -> ErrorReport:
    report = runs.report(run_id, attempt)
    assert report.status == "failed"
    assert report.cursor is None
    assert report.error is not None
    return report.error


class TestConfiguration:
    @pytest.mark.parametrize(
        ("variables", "text"),
        [
            ({"CONFIG_NAME": ""}, "CONFIG_NAME: expected"),
            ({"LOAD_KIND": "carrier_pigeon"}, "kind: expected one of"),
            ({"SOURCE": '{"file": "/x", "files": 1}'}, "source.files: expected no such option"),
            ({"SOURCE": "{"}, "SOURCE: expected JSON, got '{'"),
            ({"LOAD_MODE": "merge"}, "merge_key: expected column names"),
            ({"LOAD_MODE": "upsert"}, "LOAD_MODE: expected 'append', 'replace', 'partitions' or 'merge', got 'upsert'"),
            ({"SCHEMA_HANDLING": "custom"}, "CUSTOM_SCHEMA: expected columns, since SCHEMA_HANDLING is custom"),
            ({"DESTINATION_URL": "oracle://x"}, "DESTINATION_URL: expected one of"),
            ({"DESTINATION_URL": "duckdb://"}, "DESTINATION_URL: expected duckdb:// and a file's path"),
            ({"BATCH_SIZE": "many"}, "BATCH_SIZE: expected a whole number from 1, got 'many'"),
            ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: expected one of DEBUG, INFO, WARNING, ERROR, got 'LOUD'"),
        ],
    )
    def test_environment_that_cannot_be_loaded_is_reported(
        self, runs: Runs, variables: dict[str, str], text: str
    ) -> None:
        assert runs.start_in(runs.environment(runs.spec("first")) | variables).wait() == ExitCode.CONFIGURATION
        error = error_of(runs)
        assert error.kind is ErrorKind.CONFIGURATION
        assert text in error.text
        assert "Traceback" not in runs.output()

    def test_attempt_that_cannot_be_read_is_said_on_the_log_only(self, runs: Runs) -> None:
        environment = runs.environment(runs.spec("first")) | {"RUN_ATTEMPT": "first"}
        assert runs.start_in(environment).wait() == ExitCode.CONFIGURATION
        assert "RUN_ATTEMPT: expected a whole number from 1, got 'first'" in runs.output()

    def test_rows_that_do_not_fit_are_refused_and_named(self, runs: Runs) -> None:
        runs.write_rows([1, 2], amount=5)
        runs.run("first")
        runs.write_rows([1, 2, 3], amount="n/a")
        assert runs.run("second", cursor=2) == ExitCode.CONFIGURATION
        assert "column amount, row 1: expected INT64" in error_of(runs, "second").text
        assert runs.ids() == [1, 2]

    def test_custom_schema_names_the_value_that_does_not_fit(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        columns = [{"name": "id", "type": "INT64"}, {"name": "name", "type": "DATE"}, {"name": "day", "type": "DATE"}]
        custom: dict[str, Any] = {"schema_handling": SchemaHandling.CUSTOM, "custom_schema": columns}
        assert runs.run("first", **custom) == ExitCode.CONFIGURATION
        assert "column name, row 1: expected DATE, got 'row 1'" in error_of(runs).text

    def test_metadata_column_that_the_source_has_is_refused(self, runs: Runs) -> None:
        runs.write_rows([1])
        assert runs.run("first", metadata_columns=MetadataColumns(run_id="NAME")) == ExitCode.CONFIGURATION
        assert "metadata_columns: expected a name that no column of the source has" in error_of(runs).text

    @pytest.mark.parametrize("document", ["plan.json", "units/ids-1-2.json"])
    def test_damaged_document_is_named(self, runs: Runs, document: str) -> None:
        runs.write_rows([1, 2])
        runs.run("first", failpoint="worker.after_manifest")
        path = local_path(runs.folder("first").url) / document
        path.write_text(path.read_text()[:10])
        assert runs.run("first", attempt=2) == ExitCode.CONFIGURATION
        text = error_of(runs, attempt=2).text
        assert text.startswith(f"{runs.folder('first').url}/{document}: expected ")
        assert runs.ids() == []

    def test_damaged_plan_of_an_earlier_run_stops_the_next(self, runs: Runs) -> None:
        runs.write_rows([1, 2])
        runs.run("first", failpoint="worker.after_publish")
        (local_path(runs.folder("first").url) / "plan.json").write_text("")
        assert runs.run("second", earlier=["first"]) == ExitCode.CONFIGURATION
        assert "plan.json: expected Plan, got b''" in error_of(runs, "second").text
        assert runs.ids() == [1, 2]

    def test_damaged_fence_touches_nothing(self, runs: Runs) -> None:
        folder = local_path(runs.folder("first").url)
        runs.folder("first").revoke(1)
        (folder / "fence-1.json").write_text("{}")
        assert runs.run("first") == ExitCode.CONFIGURATION
        assert "fence-1.json: expected Fence, got b'{}'" in runs.output()
        assert runs.folder("first").report(1) is None


class TestUnavailable:
    def test_spilled_value_that_is_gone_is_tried_again(self, runs: Runs) -> None:
        spec = runs.spec("first", source={"comment": "x" * 20_000})
        environment = runs.folder("first").spill(runs.environment(spec))
        for path in (local_path(runs.folder("first").url) / "spilled").iterdir():
            path.unlink()
        assert runs.start_in(environment).wait() == ExitCode.TRY_AGAIN
        assert error_of(runs).kind is ErrorKind.UNAVAILABLE
        assert error_of(runs).text.startswith("SOURCE: expected its value in ")

    def test_run_folder_that_cannot_be_written_is_tried_again(self, runs: Runs, tmp_path: Path) -> None:
        (tmp_path / "runs").write_text("a file where a folder must be")
        assert runs.run("first") == ExitCode.TRY_AGAIN


class TestBug:
    def test_bug_is_one_line_in_the_report_and_a_traceback_in_the_log(self, runs: Runs) -> None:
        runs.file.write_text('[{"name": "no id"}]')
        assert runs.run("first") == ExitCode.BUG
        assert error_of(runs) == ErrorReport(
            kind=ErrorKind.BUG,
            text="worker: expected no error, got KeyError: 'id'; this is a bug, the log of the run says where",
        )
        assert "Traceback" in json.loads(runs.output().splitlines()[0])["traceback"]

    def test_secret_is_shown_nowhere(self, runs: Runs) -> None:
        environment = runs.environment(runs.spec("first", source={"password": "env://PASS"}), PASS='s3cr"t\\pass')
        assert runs.start_in(environment).wait() == ExitCode.BUG
        assert "postgresql://me:***@db" in error_of(runs).text
        log = runs.folder("first").log(1)
        assert log is not None
        assert "s3cr" not in runs.output() + log.decode() + error_of(runs).text

    @pytest.mark.parametrize(
        ("mode", "source", "text"),
        [
            (LoadMode.APPEND, {"key": "same"}, "expected each unit to have a key of its own"),
            (LoadMode.REPLACE, {"split": True}, "expected one unit, since each would replace the one before"),
        ],
    )
    def test_plan_that_would_lose_rows_is_refused(
        self, runs: Runs, mode: LoadMode, source: dict[str, Any], text: str
    ) -> None:
        runs.write_rows([1, 2, 3])
        assert runs.run("first", load_mode=mode, source=source) == ExitCode.BUG
        assert text in error_of(runs).text
        assert runs.ids() == []


class Pause:
    """A place in the source where the worker waits for the test."""

    def __init__(self, folder: Path) -> None:
        self.reached = folder / "reached"
        self._go = folder / "reached.go"
        os.mkfifo(self._go)

    def wait(self) -> None:
        wait_until(self.reached.exists, what="the worker reaches the pause")
        self.reached.unlink()

    def go_on(self) -> None:
        self._go.write_text("go")


class TestCancelled:
    @pytest.fixture
    def pause(self, tmp_path: Path) -> Pause:
        return Pause(tmp_path)

    def terminated(self, process: Started, pause: Pause) -> int:
        pause.wait()
        process.terminate()
        return process.wait()

    def test_sigterm_while_planning_publishes_nothing(self, runs: Runs, pause: Pause) -> None:
        runs.write_rows([1, 2])
        process = runs.start(runs.spec("first", source={"plan_then": str(pause.reached)}))
        assert self.terminated(process, pause) == ExitCode.TRY_AGAIN
        assert error_of(runs).kind is ErrorKind.CANCELLED
        assert error_of(runs).text == "run: expected to go on to the end, got SIGTERM; run it again when it suits"
        assert runs.folder("first").plan() is None

    def test_sigterm_while_reading_leaves_whole_units(self, runs: Runs, pause: Pause) -> None:
        runs.write_rows([1, 2, 3, 4])
        process = runs.start(runs.spec("first", source={"read_then": str(pause.reached)}))
        for _ in range(2):  # the rows of the first unit
            pause.wait()
            pause.go_on()
        assert self.terminated(process, pause) == ExitCode.TRY_AGAIN
        assert runs.ids() == [1, 2]
        assert (runs.report("first").units, runs.report("first").rows) == (1, 2)
        assert runs.run("first", attempt=2) == ExitCode.OK
        assert runs.ids() == [1, 2, 3, 4]


class TestHint:
    @pytest.fixture
    def asked(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """A server's address, and what it was asked; it answers with an error, which changes nothing."""
        requests: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                requests.append({"path": self.path, "authorization": self.headers["Authorization"]})
                self.send_error(500)

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/tick", requests
            server.shutdown()
            thread.join()

    def test_tick_is_asked_for_with_the_run_and_the_token(
        self, runs: Runs, asked: tuple[str, list[dict[str, Any]]]
    ) -> None:
        runs.write_rows([1])
        url, requests = asked
        assert runs.start(runs.spec("first", tick_url=url), TICK_TOKEN="t0ken").wait() == ExitCode.OK
        assert runs.start(runs.spec("second", tick_url=f"{url}?a=b", load_mode="merge")).wait() != ExitCode.OK
        assert requests == [
            {"path": "/tick?run=first", "authorization": "Bearer t0ken"},
            {"path": "/tick?a=b&run=second", "authorization": None},
        ]

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/tick", "file:///etc/passwd", "http://[", "tick"])
    def test_tick_that_cannot_be_asked_for_fails_no_run(self, runs: Runs, url: str) -> None:
        runs.write_rows([1])
        assert runs.run("first", tick_url=url) == ExitCode.OK
        assert "TICK_URL: expected an answer" in runs.output()
