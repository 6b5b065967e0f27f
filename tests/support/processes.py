"""Real processes for tests, forked from one that has done the imports (`fork_server`)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.architecture.project import ROOT
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass
class Started:
    """A process that a test has started."""

    server: ForkServer
    pid: int
    output: Path

    def wait(self) -> int:
        """Return how it ended: its exit code, or minus the signal that killed it."""
        code: int = self.server.ask({"wait": self.pid})["code"]
        return code

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def wait_until_held(self) -> None:
        """Wait until it has stopped itself (a failpoint with STOP)."""
        process = psutil.Process(self.pid)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, what="the process is held")

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class ForkServer:
    """Forks processes that have imported the modules; without any, those of a worker."""

    def __init__(self, *modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server", *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def start(
        self, call: str, *arguments: object, output: Path, environment: Mapping[str, str] | None = None
    ) -> Started:
        """Call `module:function`, which returns the exit code, in a process of its own."""
        request = {"call": call, "arguments": arguments, "output": str(output), "environment": dict(environment or {})}
        return Started(self, self.ask(request)["pid"], output)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="session")
def processes() -> Iterator[ForkServer]:
    """The server that forks processes."""
    server = ForkServer()
    yield server
    server.close()


def codes(started: Sequence[Started]) -> list[int]:
    """Wait for all of them."""
    return [process.wait() for process in started]
