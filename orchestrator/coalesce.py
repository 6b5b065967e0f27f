"""Ticks that many ask for at the same time: one runs, and all who ask meanwhile share the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid

    from orchestrator.tick import Ticker, TickResult


@dataclass(slots=True)
class _Shared:
    """One tick that several wait for."""

    everything: bool = False
    runs: set[uuid.UUID] = field(default_factory=set)
    limits: set[int] = field(default_factory=set)
    result: TickResult | None = None
    error: Exception | None = None


class CoalescingTicker:
    """A ticker for a server: however many ask at once, ticks run one after the other and each asker waits for two."""

    def __init__(self, ticker: Ticker) -> None:
        """Tick through this ticker."""
        self._ticker = ticker
        self._joining = Lock()
        self._turn = Lock()
        self._next = _Shared()

    def tick(self, *, run: uuid.UUID | None = None, max_parallel_jobs: int | None = None) -> TickResult:
        """Do a full pass, or one that observes only `run`; joined ones observe all runs that were named."""
        with self._joining:
            shared = self._next
            shared.everything |= run is None
            shared.runs |= {run} if run else set()
            shared.limits |= {max_parallel_jobs} if max_parallel_jobs else set()
        with self._turn:
            if shared is self._next:
                self._do(shared)
        if shared.error or shared.result is None:
            raise shared.error or RuntimeError("a tick ended without a result")
        return shared.result

    def _do(self, shared: _Shared) -> None:
        with self._joining:
            self._next = _Shared()
        only = None if shared.everything else shared.runs
        try:
            shared.result = self._ticker.tick(only=only, max_parallel_jobs=min(shared.limits, default=None))
        except Exception as error:  # noqa: BLE001 - everybody who waits for this tick gets it
            shared.error = error
