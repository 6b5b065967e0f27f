"""Follow runs to their end, ticking as soon as there is something for a tick to see.

`tick --wait` and `run --wait` do, and so does a server that was told by a worker that it is about to exit.
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
_LOOK_EVERY_SECONDS = 0.1
_TICK_AFTER_SECONDS = 2.0
_EXIT_WITHIN_SECONDS = 10.0
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
            stuck_before = Store(connection).clock() - _STUCK_AFTER
        told(rows)
        waiting = [row for row in rows if not ended(row)]
        retrying = [row for row in waiting if row["not_before_at"] and row["not_before_at"] > stuck_before]
        if not waiting or not (live or retrying):
            return rows
        over = await_ends(app.launcher, live, within_seconds=_TICK_AFTER_SECONDS)
        app.ticker.tick(only=over or None, max_parallel_jobs=max_parallel_jobs)


def tick_after_end(app: App, run: uuid.UUID) -> None:
    """Tick for a run whose worker says that it is about to exit."""
    with app.engine.connect() as connection:
        live = [run for run, _ in Store(connection).live_runs([run])]
    await_ends(app.launcher, live, within_seconds=_EXIT_WITHIN_SECONDS)
    app.shared_ticker.tick(run=run)


def await_ends(launcher: Launcher, runs: Sequence[Run], *, within_seconds: float) -> list[uuid.UUID]:
    """Return the runs whose executions are over, as soon as there is one; none of them in time: an empty list."""
    until = time.monotonic() + within_seconds
    handles = {run.handle: run.id for run in runs if run.handle}
    while True:
        seen = launcher.observe(list(handles))
        over = [handles[handle] for handle, look in seen.items() if look.phase in _OVER]
        left = until - time.monotonic()
        if over or left <= 0:
            return over
        time.sleep(min(_LOOK_EVERY_SECONDS, left))


def await_end(launcher: Launcher, handle: Handle) -> Observation:
    """Return how an execution was seen after its end, however long that takes."""
    while (seen := launcher.observe([handle])[handle]).phase not in _OVER:
        time.sleep(_LOOK_EVERY_SECONDS)
    return seen
