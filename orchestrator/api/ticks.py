"""`POST /tick`: what a scheduler calls every minute, and a worker when it is done."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Response

from orchestrator.api import examples
from orchestrator.api.parts import ThisApp
from orchestrator.api.problems import RESPONSES
from orchestrator.follow import tick_after_end
from orchestrator.views import Accepted, TickView

router = APIRouter(tags=["ticks"])


@router.post(
    "/tick",
    summary="Find what is due, launch it under the limits, record what has ended",
    responses={
        200: examples.answer("What it did, or would do.", examples.TICK),
        202: examples.answer("A worker's hint: this run is looked at as soon as its process is over.", examples.HINT),
        **RESPONSES,
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
        background.add_task(tick_after_end, app, run)
        response.status_code = 202
        return Accepted(accepted=run)
    return TickView.of(app.shared_ticker.tick(max_parallel_jobs=max_parallel_jobs))
