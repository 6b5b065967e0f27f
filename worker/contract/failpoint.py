"""Places where a test may kill a process: `FAILPOINT=<name>`, or `<name>:<n>` for the n-th time it is passed."""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def reach(name: str) -> None:
    """Kill this process with SIGKILL if this is the failpoint that `FAILPOINT` names; otherwise do nothing."""
    if armed := os.environ.get("FAILPOINT"):
        _kill_at(name, armed)


def _kill_at(name: str, armed: str) -> None:
    wanted, _, nth = armed.partition(":")
    _passed[name] += 1
    if name == wanted and _passed[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
