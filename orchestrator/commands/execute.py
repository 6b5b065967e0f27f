"""`sluice execute`: one load of a config file, through the launcher, with no database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import render
from orchestrator.commands.flags import DATE, Database, Json

if TYPE_CHECKING:
    from orchestrator.execute import Ended

ConfigFile = Annotated[
    Path, typer.Option("--config-file", "-f", metavar="FILE", help="JSON or YAML; - is standard input.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(execute)


def execute(
    *,
    config_file: ConfigFile,
    start_date: Annotated[datetime | None, typer.Option(**DATE, help="First day of a range.")] = None,
    end_date: Annotated[datetime | None, typer.Option(**DATE, help="Last day of the range, included.")] = None,
    json: Json = False,
) -> None:
    """Load what a config file says, once and now; ends with the worker's exit code."""
    from orchestrator.app import open_launcher
    from orchestrator.config_file import read_config
    from orchestrator.execute import execute as load

    settings = Database({}).settings()
    form = read_config(config_file)
    days = {"start_date": _day(start_date), "end_date": _day(end_date)}
    ended = load(form, open_launcher(settings), settings.defaults(), days, now=datetime.now(UTC))
    if json:
        render.as_json(_view(ended))
    else:
        _print(ended)
    raise typer.Exit(ended.exit_code)


def _day(day: datetime | None) -> str | None:
    return None if day is None else day.date().isoformat()


def _view(ended: Ended) -> dict[str, Any]:
    report = ended.report and ended.report.model_dump(mode="json", exclude={"nonce", "version"})
    return {"exit_code": ended.exit_code, "run_folder": ended.run.spec.run_folder, "report": report}


def _print(ended: Ended) -> None:
    report, spec = ended.report, ended.run.spec
    table = ".".join(part for part in (spec.project, spec.dataset, spec.table) if part)
    if report is None:
        render.complain(f"error: {spec.config_name}: expected a report, got none; {ended.detail or 'see its log'}")
    else:
        seconds = (report.finished_at - report.started_at).total_seconds()
        counts = [("rows", report.rows), ("units", report.units), ("took", f"{seconds:.1f}s")]
        render.pairs(
            [(report.status, spec.config_name), ("table", table), ("destination", spec.destination_url), *counts]
        )
        for line in [*report.schema_changes, *report.warnings]:
            render.say(f"note: {line}")
        if report.error:
            render.complain(f"error: {report.error.text}")
    render.pairs([("run folder", spec.run_folder)])
