"""Executions as processes of this machine, which outlive the orchestrator that started them.

A process cannot be waited for by one that is not its parent, so each worker has a shell beside it (`supervise.sh`) that
writes the exit code to the run folder, ends the worker when asked or when its time is up, and leaves nothing running.
"""

from __future__ import annotations

import fnmatch
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import worker.contract
from orchestrator.launcher import LaunchRefused
from orchestrator.launchers.execution import VARIABLE, Execution, output_of
from orchestrator.model import Handle, Observation, Phase
from worker.contract.run_folder import RunFolder, local_path
from worker.contract.run_spec import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.model import Run

WITHHELD = ("ADMIN_TOKEN", "DATABASE_URL", "POSTGRES_*", "SLACK_*")
"""Variables of the orchestrator that no worker gets: it knows no Postgres of ours and speaks to no person."""

GRACE = timedelta(seconds=10)
"""From SIGTERM to SIGKILL, as on Cloud Run."""

WORKER = (sys.executable, "-P", "-m", "worker")
"""`-P`: a file of the user's that happens to be called `types.py` is not ours to import."""

_MOMENT_SECONDS = 0.0005
_MOMENTS = 2000
_ROOT = Path(worker.contract.__file__).parents[2]
_SUPERVISE = Path(__file__).with_name("supervise.sh")
_children: dict[int, subprocess.Popen[bytes]] = {}
"""This process's own supervisors, which stay zombies until somebody asks how they ended."""


class SubprocessLauncher:
    """Starts `python -m worker` on this machine; runs must have their folders on it, too (`RUNS_URL` is `file://`)."""

    def __init__(
        self,
        inherited: Mapping[str, str],
        *,
        command: Sequence[str] = WORKER,
        grace: timedelta = GRACE,
    ) -> None:
        """Give every worker the `inherited` environment, without what it must not know, below its run's own."""
        self._inherited = {name: value for name, value in inherited.items() if not _is_withheld(name)}
        self._inherited["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), inherited.get("PYTHONPATH")]))
        self._command = command
        self._grace = grace
        self._host = socket.gethostname()

    def launch(self, run: Run, environment: Mapping[str, str]) -> Handle:
        _bury_children()
        name = f"{run.attempt}-{secrets.token_hex(4)}"
        try:
            folder = _folder(run)
            process = self._start(run, folder, name, {**self._inherited, **environment, VARIABLE: name})
        except (OSError, ValueError) as error:
            raise LaunchRefused(f"{self._command[0]}: expected to start it for run {run.id}, got {error}") from error
        _children[process.pid] = process
        execution = Execution(self._host, process.pid, folder, name)
        _await_arguments(execution, process)
        return execution.handle

    def find(self, run: Run) -> Handle | None:
        executions = list(Execution.started_for(_folder(run), run.attempt))
        fence = RunFolder(str(run.spec.run_folder)).fence(run.attempt)
        handles = [execution.handle for execution in executions]
        holders = [execution.handle for execution in executions if fence and execution.name == fence.execution]
        running = (handle for handle, seen in self.observe(handles).items() if seen.phase is Phase.RUNNING)
        return next(chain(holders, running, handles), None)

    def observe(self, handles: Sequence[Handle]) -> Mapping[Handle, Observation]:
        _bury_children()
        return {handle: self._observe(handle) for handle in handles}

    def cancel(self, handle: Handle) -> None:
        execution = Execution.of_handle(handle)
        if self._is_here(execution):
            execution.cancel()

    def _observe(self, handle: Handle) -> Observation:
        try:
            execution = Execution.of_handle(handle)
            if self._is_here(execution):
                return execution.observe()
        except (OSError, ValueError) as error:
            return Observation(Phase.UNKNOWN, detail=str(error))
        return Observation(Phase.UNKNOWN, detail=f"it runs on {execution.host}, and this is {self._host}")

    def _is_here(self, execution: Execution) -> bool:
        return execution.host == self._host

    def _start(self, run: Run, folder: Path, name: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        if not shutil.which(self._command[0]):
            raise FileNotFoundError("no such program; install it again")
        folder.mkdir(parents=True, exist_ok=True)
        times = [f"{time.total_seconds():g}" for time in (run.timeout, self._grace)]
        with output_of(folder, run.attempt).open("ab") as output:
            return subprocess.Popen(
                ["/bin/sh", _SUPERVISE, folder, name, self._host, *times, *self._command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _is_withheld(name: str) -> bool:
    """Tell whether a variable stays with the orchestrator; a run's own variables come from its spec alone."""
    return name in VARIABLES or any(fnmatch.fnmatchcase(name, pattern) for pattern in WITHHELD)


def _folder(run: Run) -> Path:
    url = str(run.spec.run_folder)
    if not url.startswith("file://"):
        raise ValueError(f"the run folder {url}: the launcher `subprocess` needs RUNS_URL=file:///...")
    return local_path(url)


def _await_arguments(execution: Execution, process: subprocess.Popen[bytes]) -> None:
    """Wait until the kernel shows the supervisor's arguments, a moment after it told us that the supervisor runs."""
    for _ in range(_MOMENTS):
        if execution.has_supervisor() or process.poll() is not None:
            return
        time.sleep(_MOMENT_SECONDS)


def _bury_children() -> None:
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)
