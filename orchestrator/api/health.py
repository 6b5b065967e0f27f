"""Whether it is alive, whether it can work, and how it goes."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

import migrations
from orchestrator import migrate
from orchestrator.api import examples
from orchestrator.api.parts import BEARER, ThisApp
from orchestrator.api.problems import NOT_READY, RESPONSES
from orchestrator.errors import DatabaseNotReady
from orchestrator.metrics import CONTENT_TYPE, exposition

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Tell whether the process is alive", responses={200: examples.answer("It is.", {})})
def healthz() -> dict[str, str]:
    """Touches nothing."""
    return {}


@router.get(
    "/readyz",
    summary="Tell whether it can work",
    responses={200: examples.answer("The database answers and has this version's tables.", {}), **NOT_READY},
)
def readyz(app: ThisApp) -> dict[str, str]:
    """Looks at the database."""
    with app.engine.connect() as connection:
        if not migrate.is_current(connection):
            raise DatabaseNotReady(f"database: expected migration {migrations.HEAD}, got another; run `sluice migrate`")
    return {}


@router.get(
    "/metrics",
    summary="Show how everything goes, to Prometheus",
    response_class=PlainTextResponse,
    dependencies=[BEARER],
    responses={
        200: {"description": "Prometheus' text format.", "content": {"text/plain": {"example": examples.METRICS}}},
        401: RESPONSES[401],
    },
)
def metrics(app: ThisApp) -> Response:
    """From the database, so that every replica says the same."""
    return Response(exposition(app), media_type=CONTENT_TYPE)
