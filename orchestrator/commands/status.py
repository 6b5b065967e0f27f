"""`sluice status` and `doctor`: how everything goes, and what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from orchestrator import render
from orchestrator.commands.flags import Database, Json, takes_database
from orchestrator.exit_codes import ExitCode

if TYPE_CHECKING:
    from orchestrator.views import StatusView


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(doctor)


@takes_database
def status(database: Database, *, json: Json = False) -> None:
    """Show what is live, waiting, failing and in quarantine, and when the last tick was."""
    from orchestrator.views import StatusView

    with database.open() as app, app.engine.connect() as connection:
        view = StatusView.look(app.history(connection), app.settings.max_parallel_jobs)
    if json:
        render.as_json(view)
    else:
        _print(view)


@takes_database
def doctor(database: Database, *, json: Json = False) -> None:
    """Check what a load needs, one line each, with what to do."""
    from orchestrator.doctor import examine

    findings = examine(database.settings())
    if json:
        render.as_json(findings)
    else:
        render.table(("", "check", "found"), [(found.verdict, found.check, found.text) for found in findings])
    if any(found.verdict == "wrong" for found in findings):
        raise typer.Exit(ExitCode.FAILED)


def _print(view: StatusView) -> None:
    last = None
    if view.last_tick_at and view.last_tick_seconds is not None:
        age = (view.now - view.last_tick_at).total_seconds()
        last = f"{age:.0f}s ago, took {view.last_tick_seconds:.2f}s"
    render.pairs(
        [
            ("configs", f"{view.configs}, {view.active} active"),
            ("live runs", f"{view.live} of {view.max_parallel_jobs}"),
            ("waiting runs", view.queued),
            ("failing configs", view.failing),
            ("quarantined configs", view.quarantined),
            ("messages", f"{view.alerts_waiting} waiting, {view.alerts_dead} dead"),
            ("last tick", last or "never; run `sluice tick`, or `sluice serve --tick-every 1m`"),
            ("next slot", view.next_slot_at),
        ]
    )
    for config in view.troubled:
        if config.quarantine_reason:
            render.say(f"{config.name} is quarantined: {config.quarantine_reason}")
            continue
        times = "once" if config.consecutive_failures == 1 else f"{config.consecutive_failures} times in a row"
        render.say(f"{config.name} failed {times}; see `sluice runs list --config {config.name}`")
    for alert in view.dead_alerts:
        render.say(f"message about {alert.config_name} is dead: {alert.error}")
