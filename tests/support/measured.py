"""Processes, with the time that they take and the memory that they need."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A small process starts the one to be measured, because Linux counts the memory of whoever forks as the child's.
_STARTER = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
said = process.stdout.read()
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - began
print(json.dumps([os.waitstatus_to_exitcode(status), said, seconds, usage.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Measured:
    """A process that has ended."""

    exit_code: int
    stdout: str
    seconds: float
    megabytes: float
    """Its resident memory at the peak."""


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end."""
    starter = [sys.executable, "-c", _STARTER, *command]
    done = subprocess.run(starter, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True)
    return Measured(*json.loads(done.stdout))
