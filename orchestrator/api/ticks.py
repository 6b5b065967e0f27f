"""`POST /tick`: what a scheduler calls every minute, and a worker when it is done."""

from __future__ import annotations

import time
from asyncio import sleep
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Response
from fastapi.concurrency import run_in_threadpool

from orchestrator.api import examples
from orchestrator.api.parts import ThisApp
from orchestrator.app import App
from orchestrator.follow import LOOK_EVERY_SECONDS, over
from orchestrator.model import Run
from orchestrator.store import Store
from orchestrator.views import Accepted, TickView

router = APIRouter(tags=["ticks"])

_EXIT_WITHIN_SECONDS = 10.0


@router.post(
    "/tick",
    summary="Find what is due, launch it under the limits, record what has ended",
    responses={
        200: examples.answer("What it did, or would do.", examples.TICK),
        202: examples.answer("A worker's hint: this run is looked at as soon as its process is over.", examples.HINT),
    },
    response_model=TickView | Accepted,
)
def tick(
    app: ThisApp,
    background: BackgroundTasks,
    response: Response,
    *,
    dry_run: Annotated[bool, Query(description="Say what would happen and why; change nothing.")] = False,
    run: Annotated[UUID | None, Query(description="A hint that this run is about to end.")] = None,
    max_parallel_jobs: Annotated[
        int | None, Query(ge=1, description="The lower of this and MAX_PARALLEL_JOBS wins.")
    ] = None,
) -> TickView | Accepted:
    """Any number of callers may ask at the same time: nothing is doubled, and those who ask meanwhile share a tick."""
    if dry_run:
        return TickView.of(app.ticker.tick(dry_run=True, max_parallel_jobs=max_parallel_jobs))
    if run is not None:
        # The worker waits for this answer before it exits, and only then is its run over.
        background.add_task(_tick_after_end, app, run)
        response.status_code = 202
        return Accepted(accepted=run)
    return TickView.of(app.shared_ticker.tick(max_parallel_jobs=max_parallel_jobs))


async def _tick_after_end(app: App, run: UUID) -> None:
    """Tick as soon as the run's process is over; no thread is kept while it is not."""
    until = time.monotonic() + _EXIT_WITHIN_SECONDS
    live = await run_in_threadpool(_live, app, run)
    while live and not await run_in_threadpool(over, app.launcher, live) and time.monotonic() < until:  # noqa: ASYNC110 - launchers tell nobody
        await sleep(LOOK_EVERY_SECONDS)
    await run_in_threadpool(app.shared_ticker.tick, run=run)


def _live(app: App, run: UUID) -> list[Run]:
    with app.engine.connect() as connection:
        return [found for found, _ in Store(connection).live_runs([run])]
