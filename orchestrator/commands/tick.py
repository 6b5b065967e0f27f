"""`sluice tick`, `run` and `backfill`: have runs happen now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator import render
from orchestrator.commands.flags import DATE, Database, Json, Wait, takes_database
from orchestrator.exit_codes import ExitCode

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from orchestrator.app import App
    from orchestrator.tick import TickResult
    from orchestrator.views import RunView, TickView

_BY = "sluice"
Config = Annotated[str, typer.Argument(metavar="CONFIG", help="Name or id.")]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Executions that may be live at the same time; the lower of this and MAX_PARALLEL_JOBS wins.",
    ),
]
FirstDay = Annotated[datetime, typer.Option(**DATE, help="First day.")]
LastDay = Annotated[datetime, typer.Option(**DATE, help="Last day, included.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tick)
    app.command()(run)
    app.command()(backfill)


@takes_database
def tick(
    database: Database,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, and why; change nothing.")
    ] = False,
    max_parallel_jobs: Limit = None,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Find what is due, launch it under the limits, and record what has ended."""
    with database.open() as app:
        result = app.ticker.tick(dry_run=dry_run, max_parallel_jobs=max_parallel_jobs)
        if not wait or dry_run:
            _show(result, json=json)
            return
        with app.engine.connect() as connection:
            wanted = app.history(connection).not_ended()
        if not json:
            _show(result, json=False)
        rows = _follow(app, wanted, max_parallel_jobs, json=json)
        if json:
            render.as_json({"tick": _view(result), "runs": _run_views(rows)})
        raise typer.Exit(code_of(rows))


@takes_database
def run(database: Database, config: Config, *, wait: Wait = False, json: Json = False) -> None:
    """Run a config now; behind what is live of it."""
    with database.open() as app:
        with app.engine.begin() as connection:
            asked = app.history(connection).request(config, requested_by=_BY)
        _launch(app, asked, wait=wait, json=json)


@takes_database
def backfill(
    database: Database,
    config: Config,
    *,
    start_date: FirstDay,
    end_date: LastDay,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Load these days again, both included; the next scheduled run starts where it would have started anyway."""
    with database.open() as app:
        with app.engine.begin() as connection:
            history = app.history(connection)
            asked = history.backfill(config, start_date.date(), end_date.date(), requested_by=_BY)
        _launch(app, asked, wait=wait, json=json)


def code_of(rows: Sequence[RowMapping]) -> ExitCode:
    """Return how a command ends that has waited for these runs."""
    states = {row["state"] for row in rows}
    if states & {"failed", "rejected", "cancelled"}:
        return ExitCode.FAILED
    return ExitCode.TRY_AGAIN if states & {"queued", "launching", "running"} else ExitCode.OK


def _launch(app: App, asked: uuid.UUID, *, wait: bool, json: bool) -> None:
    app.ticker.tick()
    if wait:
        rows = _follow(app, [asked], None, json=json)
    else:
        with app.engine.connect() as connection:
            rows = app.history(connection).some([asked])
        if not json:
            render.runs(rows)
    if json:
        render.as_json(_run_views(rows)[0])
    raise typer.Exit(code_of(rows) if wait else ExitCode.OK)


def _follow(
    app: App, wanted: Sequence[uuid.UUID], max_parallel_jobs: int | None, *, json: bool
) -> Sequence[RowMapping]:
    from orchestrator.follow import follow

    with render.progress(quiet=json) as show:
        rows = follow(app, wanted, show, max_parallel_jobs=max_parallel_jobs)
    render.failures(rows)
    return rows


def _run_views(rows: Sequence[RowMapping]) -> list[RunView]:
    from orchestrator.views import RunView

    return [RunView.of(row) for row in rows]


def _view(result: TickResult) -> TickView:
    from orchestrator.views import TickView

    return TickView.of(result)


def _show(result: TickResult, *, json: bool) -> None:
    view = _view(result)
    if json:
        render.as_json(view)
        return
    render.tick(view)
