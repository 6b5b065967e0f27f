"""`/configs`: what is loaded, where to, and how often."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response

from orchestrator.api import examples
from orchestrator.api.parts import ConfigName, ThisApp, Transaction
from orchestrator.api.problems import CONFLICT, NOT_FOUND
from orchestrator.config_form import ConfigForm
from orchestrator.views import CheckView, ConfigPage, ConfigView

router = APIRouter(prefix="/configs", tags=["configs"])

_SHOWN = examples.answer("The config.", examples.CONFIG_VIEW)
NewConfig = Annotated[ConfigForm, Body(openapi_examples=examples.NEW_CONFIGS)]


@router.get(
    "",
    summary="List configs, by name",
    responses={200: examples.answer("A page of them.", {"configs": [examples.CONFIG_VIEW], "next": None})},
)
def list_configs(
    app: ThisApp,
    connection: Transaction,
    kind: Annotated[str | None, Query(description="Of this kind.", examples=["google_sheet"])] = None,
    after: Annotated[str, Query(description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="So many at the most.")] = 100,
) -> ConfigPage:
    """The configs whose names come after `after`."""
    rows = app.configs(connection).page(kind=kind, after=after.replace("\0", ""), limit=limit + 1)
    last = rows[limit - 1]["name"] if len(rows) > limit else None
    return ConfigPage(configs=[ConfigView.of(row) for row in rows[:limit]], next=last)


@router.post(
    "",
    status_code=201,
    summary="Create a config",
    responses={201: examples.answer("The config, due at once.", examples.CONFIG_VIEW), **CONFLICT},
)
def create(app: ThisApp, connection: Transaction, form: NewConfig, response: Response) -> ConfigView:
    """Checked as a tick would: what comes through here is never quarantined."""
    configs = app.configs(connection)
    config_id = configs.create(form, now=app.now(connection))
    response.headers["Location"] = f"/configs/{config_id}"
    return ConfigView.of(configs.get(config_id))


@router.post(
    "/check",
    summary="Check a config that is not written",
    responses={200: examples.answer("It works; and what there is to mind.", examples.CHECK)},
)
def check(app: ThisApp, connection: Transaction, form: NewConfig) -> CheckView:
    """422 if it cannot work, as creating it would be answered; nothing is written."""
    return CheckView.of(app.configs(connection).check(form, now=app.now(connection)))


@router.get("/{name}", summary="Show a config", responses={200: _SHOWN, **NOT_FOUND})
def show(app: ThisApp, connection: Transaction, name: ConfigName) -> ConfigView:
    """The config, and how it goes."""
    return ConfigView.of(app.configs(connection).find(name))


@router.post(
    "/{name}/check",
    summary="Check a config that is written",
    responses={200: examples.answer("It works; and what there is to mind.", examples.CHECK), **NOT_FOUND},
)
def check_written(app: ThisApp, connection: Transaction, name: ConfigName) -> CheckView:
    """422 with every fault, if it cannot work."""
    return CheckView.of(app.configs(connection).check_written(name, now=app.now(connection)))


@router.patch("/{name}", summary="Change some fields of a config", responses={200: _SHOWN, **NOT_FOUND, **CONFLICT})
def change(
    app: ThisApp,
    connection: Transaction,
    name: ConfigName,
    changes: Annotated[dict[str, Any], Body(openapi_examples=examples.CHANGES)],
    *,
    keep_cursor: Annotated[
        bool,
        Query(description="Go on where the last run ended, although source or destination are other ones."),
    ] = False,
) -> ConfigView:
    """What is not named stays; null takes a value away. Another source or destination starts the cursor anew."""
    configs = app.configs(connection)
    config_id = configs.change(name, changes, now=app.now(connection), keep_cursor=keep_cursor)
    return ConfigView.of(configs.get(config_id))


@router.post("/{name}/pause", summary="Pause a config", responses={200: _SHOWN, **NOT_FOUND})
def pause(app: ThisApp, connection: Transaction, name: ConfigName) -> ConfigView:
    """Nothing is scheduled until it is resumed; what is live goes on."""
    configs = app.configs(connection)
    return ConfigView.of(configs.find(configs.set_active(name, active=False)))


@router.post("/{name}/resume", summary="Resume a config", responses={200: _SHOWN, **NOT_FOUND})
def resume(app: ThisApp, connection: Transaction, name: ConfigName) -> ConfigView:
    """It goes on with its next slot; those it missed are one skipped run with a count."""
    configs = app.configs(connection)
    return ConfigView.of(configs.find(configs.set_active(name, active=True)))


@router.delete("/{name}", status_code=204, summary="Delete a config", responses=NOT_FOUND)
def delete(app: ThisApp, connection: Transaction, name: ConfigName) -> None:
    """Its history stays, and a live run of it is followed to its end."""
    app.configs(connection).delete(name)
