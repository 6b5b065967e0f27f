"""`/runs`, and what has a config run: what happened, what happens, and what shall."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel

from orchestrator.api import examples
from orchestrator.api.parts import BY, ConfigName, RequestKey, RunId, ThisApp, Transaction
from orchestrator.api.problems import CONFLICT, NOT_FOUND
from orchestrator.app import App
from orchestrator.check import ConfigError
from orchestrator.model import RunState
from orchestrator.run_log import read_log
from orchestrator.views import RunDetails, RunPage, RunView

router = APIRouter(tags=["runs"])
log = structlog.get_logger()

_ASKED = {202: examples.answer("The run; asked for again, the same one.", examples.RUN_VIEW), **NOT_FOUND, **CONFLICT}
Attempt = Annotated[int | None, Query(ge=1, description="Of this attempt; by default the last.")]


class Days(BaseModel):
    """A range of days, both included."""

    start_date: date
    end_date: date


@router.get(
    "/runs",
    summary="List runs, newest first",
    responses={
        200: examples.answer("A page of them.", {"runs": [examples.RUN_VIEW], "next": "MjAyNi0x"}),
        **NOT_FOUND,
    },
)
def list_runs(
    app: ThisApp,
    connection: Transaction,
    config: Annotated[str | None, Query(description="Of this config: name or id.")] = None,
    state: Annotated[list[RunState] | None, Query(description="In this state; may be repeated.")] = None,
    before: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="So many at the most.")] = 20,
) -> RunPage:
    """Pages are stable: runs that come meanwhile are not on the later ones."""
    config_id = app.configs(connection).find(config)["id"] if config else None
    place = _place(before) if before else None
    page = app.history(connection).page(config_id=config_id, states=state, before=place, limit=limit)
    return RunPage(runs=[RunView.of(row) for row in page.runs], next=page.next and _token(page.next))


@router.get(
    "/runs/{run}",
    summary="Show a run",
    responses={200: examples.answer("All that is known about it.", examples.RUN_DETAILS), **NOT_FOUND},
)
def show(app: ThisApp, connection: Transaction, run: RunId) -> RunDetails:
    """All that is known about a run."""
    return RunDetails.of(app.history(connection).find(run))


@router.get(
    "/runs/{run}/log",
    summary="Show the end of a run's log",
    response_class=Response,
    responses={
        200: {"description": "JSON lines.", "content": {"application/x-ndjson": {"example": examples.LOG}}},
        **NOT_FOUND,
    },
)
def show_log(app: ThisApp, connection: Transaction, run: RunId, attempt: Attempt = None) -> Response:
    """The last 256 KB."""
    content = read_log(app.history(connection).find(run), attempt)
    return Response(content, media_type="application/x-ndjson")


@router.post(
    "/runs/{run}/cancel",
    status_code=202,
    summary="Cancel a run",
    responses={
        202: examples.answer("The run: cancelled, or asked to end.", examples.RUN_VIEW),
        **NOT_FOUND,
        **CONFLICT,
    },
)
def cancel(app: ThisApp, run: RunId) -> RunView:
    """At once if it waits; else its execution is asked to end, and a later tick confirms that it has."""
    with app.engine.begin() as connection:
        found = app.history(connection).find(run)["id"]
        app.history(connection).cancel(run)
    app.shared_ticker.tick(run=found)
    return _run(app, found)


@router.post("/configs/{name}/run", status_code=202, summary="Run a config now", responses=_ASKED)
@router.post(
    "/api/etl/sources/{name}/scheduler-webhook/",
    status_code=202,
    summary="Run a config now, by the path of an older system",
    responses=_ASKED,
)
@router.post("/api/etl/sources/{name}/scheduler-webhook", status_code=202, include_in_schema=False)
def run_config(app: ThisApp, name: ConfigName, key: RequestKey, response: Response) -> RunView:
    """It queues behind what is live of this config, and is launched as soon as the limits allow."""
    with app.engine.begin() as connection:
        asked = app.history(connection).request(name, requested_by=BY, key=key)
    return _launched(app, asked, response)


@router.post("/configs/{name}/backfill", status_code=202, summary="Load a range of days again", responses=_ASKED)
def backfill(
    app: ThisApp,
    name: ConfigName,
    days: Annotated[Days, Body(openapi_examples=examples.DAYS)],
    key: RequestKey,
    response: Response,
) -> RunView:
    """Both days are included. The next scheduled run starts where it would have started anyway."""
    with app.engine.begin() as connection:
        history = app.history(connection)
        asked = history.backfill(name, days.start_date, days.end_date, requested_by=BY, key=key)
    return _launched(app, asked, response)


def _launched(app: App, asked: UUID, response: Response) -> RunView:
    """Tick, so that it starts now; that looks at this run only, which keeps the answer quick."""
    try:
        app.shared_ticker.tick(run=asked)
    except Exception:
        log.exception("tick failed; the run waits for the next", run=str(asked))
    response.headers["Location"] = f"/runs/{asked}"
    return _run(app, asked)


def _run(app: App, run: UUID) -> RunView:
    with app.engine.connect() as connection:
        return RunView.of(app.history(connection).find(str(run)))


def _token(place: tuple[datetime, UUID]) -> str:
    at, run = place
    return urlsafe_b64encode(f"{at.isoformat()} {run}".encode()).decode().rstrip("=")


def _place(token: str) -> tuple[datetime, UUID]:
    try:
        at, _, run = urlsafe_b64decode(f"{token}===").decode().rpartition(" ")
        return datetime.fromisoformat(at), UUID(run)
    except (ValueError, binascii.Error):
        raise ConfigError(f"before: expected `next` of another page, got {token!r}; start without it") from None
