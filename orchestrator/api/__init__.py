"""The HTTP API: one file per resource, and `problems` for what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from orchestrator.api import configs, health, problems, runs, ticks
from orchestrator.api.parts import BEARER
from orchestrator.auth import Guard
from orchestrator.version import version

if TYPE_CHECKING:
    from orchestrator.app import App

_ABOUT = """\
Scheduled loads into BigQuery, described as rows in Postgres and fanned out as jobs.

Everything but `/healthz` and `/readyz` wants `Authorization: Bearer <ADMIN_TOKEN>`, if the server has one.
Every error is `{"error": {"message": ..., "faults": [{"where", "expected", "got", "advice"}]}}`.
"""


def create_api(app: App) -> FastAPI:
    """Return the API of an open application, guarded."""
    api = describe_api()
    api.state.app = app
    token = app.settings.admin_token
    api.add_middleware(Guard, admin_token=token.get_secret_value() if token else None)
    return api


def describe_api() -> FastAPI:
    """Return the API with nothing behind it, for its pages."""
    api = FastAPI(title="Sluice", version=version(), description=_ABOUT)
    for resource in (ticks, configs, runs):
        api.include_router(resource.router, dependencies=[BEARER], responses=problems.RESPONSES)
    api.include_router(health.router)
    problems.register(api)
    return api
