"""The HTTP API: one file per resource, and `problems` for what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

from orchestrator.api import configs, health, problems, runs, ticks
from orchestrator.auth import Guard

if TYPE_CHECKING:
    from orchestrator.app import App

_ABOUT = """\
Scheduled loads into BigQuery, described as rows in Postgres and fanned out as jobs.

Everything but `/healthz` and `/readyz` wants `Authorization: Bearer <ADMIN_TOKEN>`, if the server has one.
Every error is `{"error": {"message": ..., "faults": [{"where", "expected", "got", "advice"}]}}`.
"""


# For the pages alone: `Guard` is what refuses.
_BEARER = Depends(HTTPBearer(auto_error=False, description="The server's ADMIN_TOKEN."))


def create_api(app: App) -> FastAPI:
    """Return the API of an open application, guarded."""
    api = FastAPI(title="Sluice", version=version(), description=_ABOUT, responses=problems.RESPONSES)
    api.state.app = app
    for resource in (ticks, configs, runs):
        api.include_router(resource.router, dependencies=[_BEARER])
    api.include_router(health.router)
    problems.register(api)
    token = app.settings.admin_token
    api.add_middleware(Guard, admin_token=token.get_secret_value() if token else None)
    return api


def version() -> str:
    """Return the version of this installation."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("sluice")
    except PackageNotFoundError:  # run from a checkout
        return "0+checkout"
