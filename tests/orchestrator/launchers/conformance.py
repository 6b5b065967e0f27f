"""What every launcher promises. A subclass gives the launcher, one whose worker is `tests/support/stub_worker.py`."""

from __future__ import annotations

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.model import Handle, Observation, Phase, Run, RunState, Trigger
from tests.support.waiting import wait_until
from worker.contract.exit_code import ExitCode
from worker.contract.run_folder import Fence, RunFolder, run_folder_url
from worker.contract.run_spec import RunSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.launcher import Launcher

VALUES = {
    "newlines": "first\nsecond\r\n\n",
    "quotes": """a 'single', a "double", a `back` and $HOME \\ too""",
    "unicode": "Größe 数据 🚰",
    "padded": "  two spaces\t",
    "json": json.dumps({"select": "a, b from t where c <> '\"'"}),
    "100 KB": "0123456789" * 10_000,
}


def a_run(folder: Path, *, attempt: int = 1, timeout: timedelta = timedelta(hours=1)) -> Run:
    """Return a run that is being launched, with its folder below `folder`."""
    now = datetime.now(UTC)
    run_id = uuid.uuid4()
    url = run_folder_url(folder.as_uri(), "7", str(run_id))
    return Run(
        id=run_id,
        config_id=7,
        config_name="orders",
        trigger=Trigger.SCHEDULE,
        state=RunState.LAUNCHING,
        attempt=attempt,
        max_attempts=3,
        timeout=timeout,
        slot_at=now,
        spec=RunSpec(config_name="orders", dataset="d", table="t", run_folder=url),
        handle=None,
        launch_deadline_at=now + timedelta(seconds=30),
        cancel_requested_at=None,
        started_at=None,
        queued_at=now,
    )


def ended(launcher: Launcher, handle: Handle) -> Observation:
    """Return what the launcher sees once the execution is over."""
    wait_until(lambda: phase(launcher, handle) is not Phase.RUNNING, what=f"{handle} ends")
    return launcher.observe([handle])[handle]


def phase(launcher: Launcher, handle: Handle) -> Phase:
    return launcher.observe([handle])[handle].phase


class Pipe:
    """A named pipe on which a stub worker says its process id when it has come so far."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"pipe-{uuid.uuid4().hex}"
        os.mkfifo(self.path)

    def pid(self) -> int:
        return int(self.path.read_text())


class LauncherConformance:
    """The tests; each call of `another` is a restart, and an `impatient` launcher kills soon after it has asked."""

    @pytest.fixture
    def launcher(self, another: Callable[[], Launcher]) -> Launcher:
        return another()

    @pytest.fixture
    def another(self) -> Callable[[], Launcher]:
        raise NotImplementedError

    @pytest.fixture
    def impatient(self) -> Launcher:
        raise NotImplementedError

    @pytest.fixture
    def run(self, tmp_path: Path) -> Run:
        return a_run(tmp_path)

    @pytest.fixture
    def pipe(self, tmp_path: Path) -> Pipe:
        return Pipe(tmp_path)

    def test_launch_hands_over_the_environment_verbatim(self, launcher: Launcher, run: Run, tmp_path: Path) -> None:
        dump = tmp_path / "environment.json"
        environment = {f"VALUE_{index}": value for index, value in enumerate(VALUES.values())}
        handle = launcher.launch(run, {"ACT": f"dump {dump}", **environment})
        assert ended(launcher, handle).exit_code == ExitCode.OK
        received: dict[str, Any] = json.loads(dump.read_text(encoding="utf-8"))
        assert {name: received.get(name) for name in environment} == environment

    def test_observe_reports_every_exit_code(self, launcher: Launcher, tmp_path: Path) -> None:
        codes = [*ExitCode, 1, 2, 124, 126, 127, 255]
        handles = [launcher.launch(a_run(tmp_path), {"ACT": f"exit {code:d}"}) for code in codes]
        observations = [ended(launcher, handle) for handle in handles]
        assert [(o.phase, o.exit_code) for o in observations] == [(Phase.FINISHED, code) for code in codes]

    def test_observe_reports_a_killed_worker_as_137(self, launcher: Launcher, run: Run) -> None:
        observation = ended(launcher, launcher.launch(run, {"ACT": "kill 9"}))
        assert (observation.phase, observation.exit_code) == (Phase.FINISHED, 137)

    def test_observe_looks_at_many_and_at_none(self, launcher: Launcher, tmp_path: Path, pipe: Pipe) -> None:
        over = launcher.launch(a_run(tmp_path), {"ACT": "exit 0"})
        running = launcher.launch(a_run(tmp_path), {"ACT": f"hold {pipe.path}"})
        ended(launcher, over)
        observations = launcher.observe([over, running])
        assert {handle: o.phase for handle, o in observations.items()} == {
            over: Phase.FINISHED,
            running: Phase.RUNNING,
        }
        assert launcher.observe([]) == {}
        pipe.pid()
        launcher.cancel(running)
        ended(launcher, running)

    def test_observe_says_where_the_log_is(self, launcher: Launcher, run: Run) -> None:
        assert ended(launcher, launcher.launch(run, {"ACT": "exit 0"})).log_uri

    def test_observe_does_not_know_a_foreign_handle(self, launcher: Launcher) -> None:
        assert phase(launcher, Handle("elsewhere/executions/1")) in {Phase.UNKNOWN, Phase.VANISHED}

    def test_cancel_asks_the_worker_to_end(self, launcher: Launcher, run: Run, pipe: Pipe) -> None:
        handle = launcher.launch(run, {"ACT": f"hold {pipe.path}"})
        pipe.pid()
        launcher.cancel(handle)
        assert ended(launcher, handle).exit_code == ExitCode.TRY_AGAIN

    def test_cancel_kills_a_worker_that_does_not_end(self, impatient: Launcher, run: Run, pipe: Pipe) -> None:
        handle = impatient.launch(run, {"ACT": f"defy {pipe.path}"})
        pipe.pid()
        impatient.cancel(handle)
        impatient.cancel(handle)
        assert ended(impatient, handle).exit_code == 137

    def test_cancel_of_an_ended_execution_changes_nothing(self, launcher: Launcher, run: Run) -> None:
        handle = launcher.launch(run, {"ACT": "exit 3"})
        before = ended(launcher, handle)
        launcher.cancel(handle)
        launcher.cancel(handle)
        assert launcher.observe([handle])[handle] == before

    def test_timeout_ends_the_worker_and_is_named(self, impatient: Launcher, tmp_path: Path, pipe: Pipe) -> None:
        run = a_run(tmp_path, timeout=timedelta(milliseconds=300))
        handle = impatient.launch(run, {"ACT": f"defy {pipe.path}"})
        pipe.pid()
        observation = ended(impatient, handle)
        assert observation.exit_code == 137
        assert "timed out after 0.3 s" in observation.detail

    def test_find_returns_none_before_the_launch(self, launcher: Launcher, run: Run) -> None:
        assert launcher.find(run) is None

    def test_find_returns_the_handle_after_a_restart(
        self, another: Callable[[], Launcher], run: Run, pipe: Pipe
    ) -> None:
        handle = another().launch(run, {"ACT": f"hold {pipe.path}"})
        pipe.pid()
        restarted = another()
        assert restarted.find(run) == handle
        assert phase(restarted, handle) is Phase.RUNNING
        restarted.cancel(handle)
        assert ended(restarted, handle).exit_code == ExitCode.TRY_AGAIN
        assert another().find(run) == handle

    def test_find_tells_attempts_apart(self, launcher: Launcher, tmp_path: Path) -> None:
        first = a_run(tmp_path)
        ended(launcher, launcher.launch(first, {"ACT": "exit 75"}))
        second = a_run(tmp_path, attempt=2)
        assert launcher.find(second) is None

    @pytest.mark.parametrize("holder", [0, 1])
    def test_find_prefers_the_holder_of_the_fence(
        self, launcher: Launcher, run: Run, holder: int, tmp_path: Path
    ) -> None:
        dumps = [tmp_path / "first.json", tmp_path / "second.json"]
        handles = [launcher.launch(run, {"ACT": f"dump {dump}"}) for dump in dumps]
        for handle in handles:
            ended(launcher, handle)
        execution = json.loads(dumps[holder].read_text(encoding="utf-8"))["EXECUTION"]
        RunFolder(str(run.spec.run_folder)).take_fence(1, Fence(nonce="n", execution=execution, at=datetime.now(UTC)))
        assert launcher.find(run) == handles[holder]

    def test_find_prefers_the_living_while_nobody_holds_the_fence(
        self, launcher: Launcher, run: Run, pipe: Pipe
    ) -> None:
        living = launcher.launch(run, {"ACT": f"hold {pipe.path}"})
        ended(launcher, launcher.launch(run, {"ACT": "exit 0"}))
        pipe.pid()
        assert launcher.find(run) == living
        launcher.cancel(living)
        ended(launcher, living)

    def test_launches_in_parallel_do_not_disturb_one_another(self, launcher: Launcher, tmp_path: Path) -> None:
        runs = [a_run(tmp_path) for _ in range(16)]
        with ThreadPoolExecutor(8) as callers:
            handles = list(
                callers.map(lambda pair: launcher.launch(pair[1], {"ACT": f"exit {pair[0]}"}), enumerate(runs))
            )
        assert [ended(launcher, handle).exit_code for handle in handles] == list(range(16))
        assert [launcher.find(run) for run in runs] == handles
