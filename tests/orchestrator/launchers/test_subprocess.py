"""Processes of this machine: beside what every launcher promises, what only they can do wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from orchestrator.launcher import LaunchRefused
from orchestrator.launchers.execution import Execution
from orchestrator.launchers.subprocess import SubprocessLauncher
from orchestrator.model import Handle, Phase
from orchestrator.settings import Settings
from tests.orchestrator.launchers.conformance import LauncherConformance, Pipe, a_run, ended, phase
from tests.support.waiting import wait_until
from worker.contract.exit_code import ExitCode
from worker.contract.run_folder import RunFolder, local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.launcher import Launcher
    from orchestrator.model import Run

STUB = (sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "support" / "stub_worker.py"))


def stub_launcher(**inherited: str) -> SubprocessLauncher:
    return SubprocessLauncher({"PATH": os.environ["PATH"], **inherited}, command=STUB)


def impatient_launcher() -> SubprocessLauncher:
    return SubprocessLauncher({"PATH": os.environ["PATH"]}, command=STUB, grace=timedelta(milliseconds=200))


def folder_of(run: Run) -> Path:
    return local_path(str(run.spec.run_folder))


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class TestSubprocessLauncher(LauncherConformance):
    @pytest.fixture
    def another(self) -> Callable[[], Launcher]:
        return stub_launcher

    @pytest.fixture
    def impatient(self) -> Launcher:
        return impatient_launcher()


@pytest.fixture(autouse=True)
def _nothing_is_left_running(tmp_path: Path) -> Iterator[None]:
    """End what a failed test has started, and the timers of supervisors that a test has killed."""
    yield
    for mark in tmp_path.rglob("started-*"):
        with suppress(ProcessLookupError):
            os.killpg(int(mark.read_text().splitlines()[1]), signal.SIGKILL)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return a_run(tmp_path)


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path)


def test_execution_outlives_the_killed_orchestrator_and_is_followed_to_its_end(run: Run, pipe: Pipe) -> None:
    source = f"""
import os, signal
from dataclasses import replace
from pathlib import Path
from orchestrator.settings import Settings
from tests.orchestrator.launchers.conformance import a_run
from tests.orchestrator.launchers.test_subprocess import stub_launcher
run = a_run(Path("/tmp"))
run = replace(run, spec=run.spec.model_copy(update={{"run_folder": {run.spec.run_folder!r}}}))
print(stub_launcher().launch(run, {{"ACT": "hold {pipe.path}"}}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    orchestrator = subprocess.run(
        [sys.executable, "-c", source], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True, check=False
    )
    assert orchestrator.returncode == -signal.SIGKILL
    handle = Handle(orchestrator.stdout.strip())
    worker = pipe.pid()
    launcher = stub_launcher()
    assert launcher.find(run) == handle
    assert phase(launcher, handle) is Phase.RUNNING
    os.kill(worker, signal.SIGTERM)
    assert ended(launcher, handle).exit_code == ExitCode.TRY_AGAIN


def test_execution_whose_processes_were_all_killed_has_vanished(run: Run, pipe: Pipe) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": f"hold {pipe.path}"})
    pipe.pid()
    os.killpg(Execution.of_handle(handle).pid, signal.SIGKILL)
    observation = ended(launcher, handle)
    assert observation.phase is Phase.VANISHED
    assert "without an exit code" in observation.detail


def test_worker_without_its_supervisor_runs_until_it_has_vanished(run: Run, pipe: Pipe) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": f"hold {pipe.path}"})
    worker = pipe.pid()
    supervisor = Execution.of_handle(handle).pid
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: gone(supervisor), what="the supervisor ends")
    assert phase(launcher, handle) is Phase.RUNNING
    os.kill(worker, signal.SIGKILL)
    assert ended(launcher, handle).phase is Phase.VANISHED


def test_worker_whose_supervisor_was_killed_too_soon_to_note_it_is_running(run: Run, pipe: Pipe) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": f"hold {pipe.path}"})
    worker = pipe.pid()
    execution = Execution.of_handle(handle)
    os.kill(execution.pid, signal.SIGKILL)
    wait_until(lambda: gone(execution.pid), what="the supervisor ends")
    mark = execution.folder / f"started-{execution.name}"
    mark.write_text("".join(mark.read_text().splitlines(keepends=True)[:2]))
    assert phase(launcher, handle) is Phase.RUNNING
    launcher.cancel(handle)
    assert ended(launcher, handle).phase is Phase.VANISHED
    wait_until(lambda: gone(worker), what="the worker ends")


def test_cancel_kills_a_worker_that_has_lost_its_supervisor(run: Run, pipe: Pipe) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": f"defy {pipe.path}"})
    worker = pipe.pid()
    os.kill(Execution.of_handle(handle).pid, signal.SIGKILL)
    wait_until(lambda: gone(Execution.of_handle(handle).pid), what="the supervisor ends")
    launcher.cancel(handle)
    assert ended(launcher, handle).phase is Phase.VANISHED
    wait_until(lambda: gone(worker), what="the worker ends")


def test_timeout_ends_a_worker_that_has_lost_its_supervisor(tmp_path: Path, pipe: Pipe) -> None:
    launcher = impatient_launcher()
    run = a_run(tmp_path, timeout=timedelta(milliseconds=500))
    handle = launcher.launch(run, {"ACT": f"defy {pipe.path}"})
    worker = pipe.pid()
    os.kill(Execution.of_handle(handle).pid, signal.SIGKILL)
    assert ended(launcher, handle).phase is Phase.VANISHED
    wait_until(lambda: gone(worker), what="the worker ends")


def test_execution_leaves_no_process_and_no_zombie(run: Run, pipe: Pipe) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": f"leave {pipe.path}"})
    left = pipe.pid()
    assert ended(launcher, handle).exit_code == ExitCode.OK
    wait_until(lambda: gone(left), what="what the worker left running is ended")
    supervisor = Execution.of_handle(handle).pid

    def reaped() -> bool:
        launcher.observe([])
        return not psutil.pid_exists(supervisor)

    wait_until(reaped, what="the supervisor is no zombie")


def test_later_process_with_the_same_id_is_not_taken_for_the_execution(run: Run) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": "exit 0"})
    ended(launcher, handle)
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as innocent:
        reused = replace(Execution.of_handle(handle), pid=innocent.pid)
        (reused.folder / f"exit-{reused.name}.json").unlink()
        (reused.folder / f"started-{reused.name}").write_text(f"{reused.host}\n{innocent.pid}\n{innocent.pid}\n")
        try:
            assert phase(launcher, reused.handle) is Phase.VANISHED
            launcher.cancel(reused.handle)
            assert innocent.poll() is None
        finally:
            innocent.kill()


def test_execution_of_another_host_is_unknown_here(run: Run) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": "exit 0"})
    ended(launcher, handle)
    elsewhere = replace(Execution.of_handle(handle), host="elsewhere").handle
    observation = launcher.observe([elsewhere])[elsewhere]
    assert observation.phase is Phase.UNKNOWN
    assert "elsewhere" in observation.detail
    launcher.cancel(elsewhere)


def test_handle_survives_odd_folders_and_hosts(tmp_path: Path) -> None:
    execution = Execution("höst/1", 4_000_000, tmp_path / "a b?c#d&é", "1-ab12cd34")
    assert Execution.of_handle(execution.handle) == execution


def test_worker_gets_neither_our_secrets_nor_another_runs_orders(run: Run, tmp_path: Path) -> None:
    dump = tmp_path / "environment.json"
    ours = {
        "DATABASE_URL": "postgresql://",
        "POSTGRES_PASSWORD": "p",
        "SLACK_BOT_TOKEN": "x",
        "ADMIN_TOKEN": "t",
        "CURSOR": "1",
        "GOOGLE_SHEET_URL": "u",
    }
    launcher = stub_launcher(GOOGLE_APPLICATION_CREDENTIALS="key.json", SHOP_DSN="dsn", **ours)
    ended(launcher, launcher.launch(run, {"ACT": f"dump {dump}", "CONFIG_NAME": "orders"}))
    environment = json.loads(dump.read_text())
    assert not ours.keys() & environment.keys()
    assert environment["GOOGLE_APPLICATION_CREDENTIALS"] == "key.json"
    assert environment["SHOP_DSN"] == "dsn"
    assert environment["CONFIG_NAME"] == "orders"


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if "Secret" in str(field)])
def test_worker_gets_no_secret_that_is_a_setting(run: Run, tmp_path: Path, name: str) -> None:
    dump = tmp_path / "environment.json"
    launcher = stub_launcher(**{name.upper(): "secret"})
    ended(launcher, launcher.launch(run, {"ACT": f"dump {dump}"}))
    assert "secret" not in json.loads(dump.read_text()).values()


def test_worker_itself_is_started_from_anywhere_and_knows_its_execution(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "types.py").write_text("raise SystemExit('a file of the user, who happens to be here')")
    monkeypatch.chdir(tmp_path)
    launcher = SubprocessLauncher(os.environ)
    spec = run.spec.model_copy(update={"kind": "google_sheet", "source": {"url": "no url"}, "run_id": str(run.id)})
    handle = launcher.launch(run, spec.to_env())
    assert ended(launcher, handle).exit_code == ExitCode.CONFIGURATION
    fence = RunFolder(str(run.spec.run_folder)).fence(1)
    assert fence
    assert fence.execution == Execution.of_handle(handle).name


def test_output_of_the_worker_is_in_the_run_folder(run: Run) -> None:
    launcher = stub_launcher()
    observation = ended(launcher, launcher.launch(run, {"ACT": "exit 0"}))
    log = folder_of(run) / "output-1.log"
    assert log.read_text() == "acting\n"
    assert observation.log_uri == log.as_uri()


def test_launch_is_refused_without_the_program(run: Run) -> None:
    launcher = SubprocessLauncher({}, command=("/no/such/python", "-m", "worker"))
    with pytest.raises(LaunchRefused, match="/no/such/python: expected to start it"):
        launcher.launch(run, {})
    assert launcher.find(run) is None


@pytest.mark.parametrize("value", ["nul\0byte", "x" * 200_000])
def test_launch_is_refused_with_an_environment_that_no_process_can_have(run: Run, value: str) -> None:
    launcher = stub_launcher()
    with pytest.raises(LaunchRefused):
        launcher.launch(run, {"ACT": "exit 0", "VALUE": value})
    assert launcher.find(run) is None


def test_launch_is_refused_without_a_local_run_folder(run: Run) -> None:
    far = replace(run, spec=run.spec.model_copy(update={"run_folder": "gs://bucket/runs/7/1"}))
    with pytest.raises(LaunchRefused, match="RUNS_URL=file:///"):
        stub_launcher().launch(far, {"ACT": "exit 0"})


def test_launch_is_quick(tmp_path: Path) -> None:
    launcher = stub_launcher()
    seconds = []
    for _ in range(8):
        run = a_run(tmp_path)
        began = time.perf_counter()
        handle = launcher.launch(run, {"ACT": "exit 0"})
        seconds.append(time.perf_counter() - began)
        ended(launcher, handle)
    assert min(seconds) < 0.02


def test_host_is_this_machine(run: Run) -> None:
    launcher = stub_launcher()
    handle = launcher.launch(run, {"ACT": "exit 0"})
    assert Execution.of_handle(handle).host == socket.gethostname()
    ended(launcher, handle)
