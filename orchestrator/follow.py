"""Follow runs to their end, ticking as soon as there is something for a tick to see.

`tick --wait` and `run --wait` do; a server that a worker has told of its end looks with `over`, too.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from orchestrator.history import ended
from orchestrator.model import Phase
from orchestrator.store import Store

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import RowMapping

    from orchestrator.app import App
    from orchestrator.launcher import Launcher
    from orchestrator.model import Handle, Observation, Run

_OVER = frozenset({Phase.FINISHED, Phase.VANISHED})
LOOK_EVERY_SECONDS = 0.1
_TICK_SOONEST, _TICK_AFTER = timedelta(seconds=0.1), timedelta(seconds=2)
_STUCK_AFTER = timedelta(seconds=5)
"""A retry that several ticks have passed over: its config is paused, or its pool has no room."""


def follow(
    app: App,
    wanted: Iterable[uuid.UUID],
    told: Callable[[Sequence[RowMapping]], None],
    *,
    max_parallel_jobs: int | None = None,
) -> Sequence[RowMapping]:
    """Tick until these runs have ended, and tell how they are after every look.

    Returns early, with runs that are still queued, when nothing is live and nothing will be tried again: they wait for
    something that no tick changes.
    """
    wanted = list(wanted)
    while True:
        with app.engine.connect() as connection:
            rows = app.history(connection).some(wanted)
            live = [run for run, _ in Store(connection).live_runs()]
            now = Store(connection).clock()
        told(rows)
        waiting = [row for row in rows if not ended(row)]
        retries = [row["not_before_at"] - now for row in waiting if row["not_before_at"]]
        retries = [wait for wait in retries if wait > -_STUCK_AFTER]
        if not waiting or not (live or retries):
            return rows
        ids = await_ends(app.launcher, live, within=max(_TICK_SOONEST, min([_TICK_AFTER, *retries])))
        app.ticker.tick(only=ids or None, max_parallel_jobs=max_parallel_jobs)


def await_ends(launcher: Launcher, runs: Sequence[Run], *, within: timedelta) -> list[uuid.UUID]:
    """Return the runs whose executions are over, as soon as there is one; none of them in time: an empty list."""
    until = time.monotonic() + within.total_seconds()
    while not (ids := over(launcher, runs)) and time.monotonic() < until:
        time.sleep(LOOK_EVERY_SECONDS)
    return ids


def over(launcher: Launcher, runs: Sequence[Run]) -> list[uuid.UUID]:
    """Return those of these runs whose executions are over."""
    handles = {run.handle: run.id for run in runs if run.handle}
    seen = launcher.observe(list(handles)) if handles else {}
    return [handles[handle] for handle, look in seen.items() if look.phase in _OVER]


def await_end(launcher: Launcher, handle: Handle) -> Observation:
    """Return how an execution was seen after its end, however long that takes."""
    while (seen := launcher.observe([handle])[handle]).phase not in _OVER:
        time.sleep(LOOK_EVERY_SECONDS)
    return seen
