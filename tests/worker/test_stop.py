"""Being asked to stop; with real processes in `test_load_crashes` and `test_load_errors`."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from worker import stop
from worker.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def _signals_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stop, "_asked", [])
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_raises_where_the_worker_is(number: signal.Signals) -> None:
    stop.raise_on_signals()
    with pytest.raises(Cancelled, match=f"got {number.name}; run it again"):
        signal.raise_signal(number)


def test_stop_that_was_swallowed_is_raised_at_the_next_check() -> None:
    stop.raise_on_signals()
    stop.check()
    with suppress(Exception):  # as a library might
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Cancelled):
        stop.check()


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_can_be_ignored(number: signal.Signals) -> None:
    stop.raise_on_signals()
    stop.ignore_signals()
    signal.raise_signal(number)
    stop.check()
