"""What endpoints are given: the application, a transaction, who asks and whether they ask again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPBearer
from sqlalchemy import Connection

from orchestrator.app import App

BEARER = Depends(HTTPBearer(auto_error=False, description="The server's ADMIN_TOKEN."))
"""For the pages alone: `auth.Guard` is what refuses."""
BY = "api"
"""Who asked for a run, as it is written down."""


def _app(request: Request) -> App:
    app: App = request.app.state.app
    return app


ThisApp = Annotated[App, Depends(_app)]


def _connection(app: ThisApp) -> Iterator[Connection]:
    """A transaction that is committed before the answer is sent."""
    with app.engine.begin() as connection:
        yield connection


Transaction = Annotated[Connection, Depends(_connection, scope="function")]


def _request_key(
    idempotency_key: Annotated[
        str | None, Header(max_length=255, description="The same key again is the same run.")
    ] = None,
    x_cloudscheduler_jobname: Annotated[str | None, Header(include_in_schema=False)] = None,
    x_cloudscheduler_scheduletime: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> str | None:
    """Cloud Scheduler may call twice for one time: what it says about the call is as good as a key."""
    if idempotency_key is None and x_cloudscheduler_scheduletime:
        return f"{x_cloudscheduler_jobname} {x_cloudscheduler_scheduletime}"
    return idempotency_key


RequestKey = Annotated[str | None, Depends(_request_key)]
ConfigName = Annotated[str, Path(description="Name or id.", examples=["sales_data_sync"])]
RunId = Annotated[str, Path(description="Id, or the beginning of it.", examples=["0b9c6a52"])]
