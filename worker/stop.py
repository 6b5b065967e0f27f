"""Being asked to stop: SIGTERM and SIGINT end a load between or inside units, never inside what must be whole."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from worker.errors import Cancelled

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_asked: list[str] = []


def raise_on_signals() -> None:
    """From now on a signal raises `Cancelled` wherever the main thread is."""
    for number in _SIGNALS:
        signal.signal(number, _raise)


def ignore_signals() -> None:
    """From now on signals change nothing: the outcome is certain and only has to be written down."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def check() -> None:
    """Raise again if somebody asked, in case a library has swallowed the first time."""
    if _asked:
        raise Cancelled(f"run: expected to go on to the end, got {_asked[0]}; run it again when it suits")


def _raise(number: int, _frame: FrameType | None) -> None:
    _asked.append(signal.Signals(number).name)
    check()
