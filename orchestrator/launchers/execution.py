"""One execution on this machine: a supervising shell, the worker below it, and what both leave in the run folder."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import psutil

from orchestrator.model import Handle, Observation, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "EXECUTION"
"""The variable that tells a worker its execution's name, which it writes into its fence."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What one supervisor (`supervise.sh`) was started for; `pid` is the supervisor's and its process group's.

    `name` is `<attempt>-<random>`. It stands in the supervisor's arguments and in the worker's environment, so that a
    later process with the same id is never taken for them.
    """

    host: str
    pid: int
    folder: Path
    name: str

    @property
    def handle(self) -> Handle:
        """The execution as `process://<pid>@<host><run folder>?execution=<name>`."""
        place = f"{self.pid}@{quote(self.host, safe='')}{quote(str(self.folder))}"
        return Handle(f"process://{place}?{urlencode({'execution': self.name})}")

    @classmethod
    def of_handle(cls, handle: Handle) -> Self:
        """Read back a handle.

        Raises:
            ValueError: it is not one of these.
        """
        url = urlsplit(handle)
        pid, _, host = url.netloc.partition("@")
        name = parse_qs(url.query).get("execution", [""])[0]
        if url.scheme != "process" or not pid.isdecimal() or not name:
            raise ValueError(f"handle: expected process://<pid>@<host><folder>?execution=<name>, got {handle!r}")
        return cls(unquote(host), int(pid), Path(unquote(url.path)), name)

    @classmethod
    def started_for(cls, folder: Path, attempt: int) -> Iterator[Self]:
        """Return the executions that were started for an attempt, the latest first."""
        marks = folder.glob(f"started-{attempt}-*")
        for mark in sorted(marks, key=lambda mark: mark.stat().st_mtime_ns, reverse=True):
            lines = mark.read_text().splitlines()
            # A supervisor that was killed while it wrote its id has started nothing.
            if len(lines) > 1:
                yield cls(lines[0], int(lines[1]), folder, mark.name.removeprefix("started-"))

    def observe(self) -> Observation:
        """Look at it from its own host."""
        alive = self.alive()  # before the exit code is read, or it could end between the two looks
        log_uri = output_of(self.folder, self.name.partition("-")[0]).as_uri()
        if end := self._end():
            return Observation(Phase.FINISHED, end["exit_code"], end["detail"], log_uri)
        if alive:
            return Observation(Phase.RUNNING, log_uri=log_uri)
        detail = f"process {self.pid} on {self.host} is gone without an exit code: killed, or the machine restarted"
        return Observation(Phase.VANISHED, detail=detail, log_uri=log_uri)

    def alive(self) -> bool:
        """Tell whether its supervisor, or a worker that has lost its supervisor, is running on this host."""
        return self.has_supervisor() or self._is_orphaned()

    def has_supervisor(self) -> bool:
        """Tell whether its supervisor is running on this host."""
        return self._supervisor() is not None

    def cancel(self) -> None:
        """Have its supervisor end it. A worker that has lost its supervisor is killed: nobody would insist later."""
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if supervisor := self._supervisor():
                supervisor.send_signal(signal.SIGTERM)
            elif self._is_orphaned():
                os.killpg(self.pid, signal.SIGKILL)

    def _supervisor(self) -> psutil.Process | None:
        with suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if self.name in process.cmdline():
                return process
        return None

    def _is_orphaned(self) -> bool:
        """Tell, of an execution without a supervisor, whether its worker is running."""
        started = _text(self.folder / f"started-{self.name}").splitlines()
        if len(started) == 2:  # noqa: PLR2004 - the supervisor was killed before it noted the worker's id
            return _has_members(self.pid)
        with suppress(psutil.Error, IndexError):
            return psutil.Process(int(started[2])).environ().get(VARIABLE) == self.name
        return False

    def _end(self) -> dict[str, Any] | None:
        text = _text(self.folder / f"exit-{self.name}.json")
        return json.loads(text) if text else None


def output_of(folder: Path, attempt: object) -> Path:
    """Return the file that an attempt's executions print to."""
    return folder / f"output-{attempt}.log"


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _has_members(group: int) -> bool:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
