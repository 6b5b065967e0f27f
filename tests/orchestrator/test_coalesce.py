"""Ticks that many ask for at once."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, cast

import pytest

from orchestrator.coalesce import CoalescingTicker
from orchestrator.tick import Ticker, TickResult
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RUNS = [uuid.UUID(int=i) for i in range(5)]


class SlowTicker:
    """A ticker whose ticks end when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[set[uuid.UUID] | None, int | None]] = []
        self.go_on = Event()
        self.fault: Exception | None = None
        self._alone = Lock()

    def tick(self, *, only: Iterable[uuid.UUID] | None, max_parallel_jobs: int | None) -> TickResult:
        assert self._alone.acquire(blocking=False), "expected one tick at a time"
        try:
            self.asked.append((None if only is None else set(only), max_parallel_jobs))
            assert self.go_on.wait(10)
            if self.fault:
                raise self.fault
            return TickResult(datetime.now(UTC), Counter(ticks=len(self.asked)))
        finally:
            self._alone.release()


@pytest.fixture
def ticker() -> SlowTicker:
    return SlowTicker()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as callers:
        yield callers


def _busy(ticker: SlowTicker, callers: ThreadPoolExecutor) -> CoalescingTicker:
    """Have one tick under way."""
    shared = CoalescingTicker(cast("Ticker", ticker))
    callers.submit(shared.tick, run=RUNS[0])
    wait_until(lambda: ticker.asked, what="the first tick")
    return shared


def _joined(shared: CoalescingTicker, *, runs: int = 0, limits: int = 0) -> bool:
    waiting: Any = shared._next  # noqa: SLF001 - nothing else tells that a caller has joined
    return len(waiting.runs) >= runs and len(waiting.limits) >= limits


def test_those_who_ask_meanwhile_share_one_tick_of_all_their_runs(
    ticker: SlowTicker, callers: ThreadPoolExecutor
) -> None:
    shared = _busy(ticker, callers)
    waiting = [callers.submit(shared.tick, run=run) for run in RUNS[1:]]
    wait_until(lambda: _joined(shared, runs=4), what="four callers that wait")
    ticker.go_on.set()
    assert {caller.result(10).counts["ticks"] for caller in waiting} == {2}
    assert ticker.asked == [({RUNS[0]}, None), (set(RUNS[1:]), None)]


def test_one_full_pass_among_them_makes_it_full_and_the_lowest_limit_wins(
    ticker: SlowTicker, callers: ThreadPoolExecutor
) -> None:
    shared = _busy(ticker, callers)
    asked: list[dict[str, Any]] = [{"run": RUNS[1]}, {"max_parallel_jobs": 7}, {"max_parallel_jobs": 3}]
    waiting = [callers.submit(shared.tick, **asking) for asking in asked]
    wait_until(lambda: _joined(shared, runs=1, limits=2), what="three callers that wait")
    ticker.go_on.set()
    for caller in waiting:
        caller.result(10)
    assert ticker.asked[1:] == [(None, 3)]


def test_tick_that_fails_fails_for_all_who_wait_for_it_and_not_for_the_next(
    ticker: SlowTicker, callers: ThreadPoolExecutor
) -> None:
    shared = _busy(ticker, callers)
    waiting = [callers.submit(shared.tick, run=run) for run in RUNS[1:3]]
    wait_until(lambda: _joined(shared, runs=2), what="two callers that wait")
    ticker.fault = OSError("the database is gone")
    ticker.go_on.set()
    for caller in waiting:
        with pytest.raises(OSError, match="the database is gone"):
            caller.result(10)
    ticker.fault = None
    assert shared.tick().counts["ticks"] == 3
