"""`sluice runs`: what has happened, and what is happening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import render
from orchestrator.commands.flags import Database, Json, takes_database

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Runs: list, show, cancel, logs.", no_args_is_help=True)

Run = Annotated[str, typer.Argument(metavar="RUN", help="Id, or the beginning of it.")]
Attempt = Annotated[int | None, typer.Option(min=1, metavar="N", help="Of this attempt; the last unless given.")]


@app.command("list")
@takes_database
def list_runs(
    database: Database,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="So many at the most.")] = 20,
    config: Annotated[str | None, typer.Option(metavar="CONFIG", help="Of this config: name or id.")] = None,
    state: Annotated[list[str] | None, typer.Option(metavar="STATE", help="In this state; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """List runs, newest first."""
    with database.open() as app, app.engine.connect() as connection:
        config_id = app.configs(connection).find(config)["id"] if config else None
        page = app.history(connection).page(config_id=config_id, states=_states(state), limit=limit)
    if json:
        from orchestrator.views import RunView

        render.as_json([RunView.of(row) for row in page.runs])
    else:
        render.runs(page.runs)


@app.command()
@takes_database
def show(database: Database, run: Run, *, json: Json = False) -> None:
    """Show all that is known about a run."""
    from orchestrator.views import RunDetails

    with database.open() as app, app.engine.connect() as connection:
        view = RunDetails.of(app.history(connection).find(run))
    if json:
        render.as_json(view)
    else:
        render.pairs(_shown(view.model_dump(exclude_none=True)))


@app.command()
@takes_database
def cancel(database: Database, run: Run) -> None:
    """Cancel a run: at once if it waits, else its execution is asked to end."""
    with database.open() as app:
        with app.engine.begin() as connection:
            history = app.history(connection)
            found = history.find(run)["id"]
            state = history.cancel(run)
        app.ticker.tick(only=[found])
    if state == "cancelled":
        render.say(f"{found} is cancelled")
    else:
        render.say(f"{found} was asked to end; `sluice runs show {found}` tells when it has")


@app.command()
@takes_database
def logs(database: Database, run: Run, *, attempt: Attempt = None) -> None:
    """Print the end of a run's log."""
    from orchestrator.run_log import read_log

    with database.open() as app, app.engine.connect() as connection:
        row = app.history(connection).find(run)
    render.log(read_log(row, attempt))


def _states(states: list[str] | None) -> list[Any] | None:
    from orchestrator.model import RunState

    try:
        return [RunState(state) for state in states or []]
    except ValueError:
        raise typer.BadParameter(f"expected one of {', '.join(RunState)}", param_hint="--state") from None


def _shown(view: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [(name, value) for name, value in view.items() if value not in ([], {})]
