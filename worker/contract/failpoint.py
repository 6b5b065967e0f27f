"""Places where a test may kill a process: `FAILPOINT=<name>`, or `<name>:<n>` for the n-th time it is passed.

A third part names another signal than KILL: `<name>:1:TERM` asks the process to end there, `<name>:1:STOP` holds it.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()


def reach(name: str) -> None:
    """Send this process the signal if this is the failpoint that `FAILPOINT` names; otherwise do nothing."""
    if armed := os.environ.get("FAILPOINT"):
        _signal_at(name, armed)


def _signal_at(name: str, armed: str) -> None:
    wanted, _, when = armed.partition(":")
    nth, _, signal_name = when.partition(":")
    _passed[name] += 1
    if name == wanted and _passed[name] == int(nth or 1):
        signal.raise_signal(signal.Signals[f"SIG{signal_name or 'KILL'}"])
