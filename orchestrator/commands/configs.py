"""`sluice configs`: what is loaded, where to, and how often."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator import render
from orchestrator.commands.flags import Database, Json, Yes, takes_database
from orchestrator.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.apply import Change
    from orchestrator.configs import Configs, Findings
    from orchestrator.views import ConfigView

app = typer.Typer(help="Configs: what is loaded, where to, and how often.", no_args_is_help=True)

_FILE = "JSON or YAML; - is standard input."
Config = Annotated[str, typer.Argument(metavar="CONFIG", help="Name or id.")]
SomeConfigs = Annotated[list[str], typer.Argument(metavar="CONFIG...", help="Names or ids.")]
AnyConfigs = Annotated[list[str] | None, typer.Argument(metavar="[CONFIG...]", help="Names or ids; all if none.")]
NewFile = Annotated[Path | None, typer.Argument(metavar="[FILE]", help=_FILE)]
FileFlag = Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help=_FILE)]


@app.command()
@takes_database
def add(  # noqa: PLR0913 - one flag per thing that most configs say
    database: Database,
    file: NewFile = None,
    *,
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    kind: Annotated[str | None, typer.Option(help="google_sheet, stock_prices, postgresql ...")] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="OPTION=VALUE", help="What the source is told; may be repeated.")
    ] = None,
    project: Annotated[str | None, typer.Option(help="Project to load into.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset to load into.")] = None,
    table: Annotated[str | None, typer.Option(help="Table to load into.")] = None,
    run_every: Annotated[str | None, typer.Option(metavar="DURATION", help="How often: 15m, 6h, 1d.")] = None,
    cron: Annotated[str | None, typer.Option(help="When, instead of how often: '0 9 * * *'.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone of --cron; UTC unless given.")] = None,
    fields: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Any other field; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a config: of a file, of flags, or of a file with what the flags change."""
    from orchestrator.config_file import read_new
    from orchestrator.views import ConfigView

    flags = {
        "name": name,
        "kind": kind,
        "destination_project": project,
        "destination_dataset": dataset,
        "destination_table": table,
        "run_every": run_every,
        "cron": cron,
        "timezone": timezone,
    }
    written = {field: value for field, value in flags.items() if value is not None}
    form = read_new(_piped(file, written), written, source or [], fields or [])
    with database.open() as opened, opened.engine.begin() as connection:
        configs, now = opened.configs(connection), opened.now(connection)
        warnings = configs.check(form, now=now).warnings
        view = ConfigView.of(configs.get(configs.create(form, now=now)))
    _warn(form.name, warnings)
    if json:
        render.as_json(view)
    else:
        render.say(f"added {view.name} (id {view.id}); `sluice run {view.name}` runs it now")


@app.command()
@takes_database
def apply(
    database: Database,
    *,
    file: FileFlag,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what differs; change nothing.")] = False,
) -> None:
    """Make the configs that a file names say what the file says; what differs is shown first."""
    from orchestrator.apply import make_changes, plan_changes
    from orchestrator.config_file import read_configs

    forms = read_configs(file)
    with database.open() as opened:
        with opened.engine.connect() as connection:
            changes = plan_changes(opened.configs(connection), forms, now=opened.now(connection))
        _show_changes(changes)
        if dry_run or all(change.is_empty for change in changes):
            return
        _confirm("Apply?", yes=yes)
        with opened.engine.begin() as connection:
            make_changes(opened.configs(connection), changes, now=opened.now(connection))
    render.say("applied")


@app.command("list")
@takes_database
def list_configs(
    database: Database,
    *,
    kind: Annotated[str | None, typer.Option(help="Of this kind.")] = None,
    json: Json = False,
) -> None:
    """List configs, and how they go."""
    with database.open() as opened, opened.engine.connect() as connection:
        views = _views(opened.configs(connection), None, kind)
    if json:
        render.as_json(views)
        return
    columns = ("id", "name", "kind", "destination", "schedule", "next", "last success", "rows", "state")
    render.table(columns, [_line(view) for view in views])


@app.command()
@takes_database
def show(database: Database, config: Config, *, json: Json = False) -> None:
    """Show a config, and how it goes."""
    with database.open() as opened, opened.engine.connect() as connection:
        view = _view(opened.configs(connection), config)
    if json:
        render.as_json(view)
    else:
        render.pairs(view.model_dump(mode="json", exclude_none=True).items())


@app.command()
@takes_database
def check(
    database: Database,
    configs: AnyConfigs = None,
    *,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="FILE", help=f"Of a file: {_FILE}")] = None,
) -> None:
    """Check configs as a tick would, in the table or in a file, and warn of what a tick would not mind."""
    from orchestrator.config_file import read_configs

    forms = None if file is None else read_configs(file)
    with database.open() as opened, opened.engine.connect() as connection:
        table, now = opened.configs(connection), opened.now(connection)
        looks: list[tuple[str, Callable[[], Findings]]]
        if forms is None:
            names = [view.name for view in _views(table, configs)]
            looks = [(name, lambda name=name: table.check_written(name, now=now)) for name in names]  # type: ignore[misc]
        else:
            looks = [(form.name, lambda form=form: table.check(form, now=now)) for form in forms]  # type: ignore[misc]
        works = [_checked(name, look) for name, look in looks]
    if not all(works):
        raise typer.Exit(ExitCode.CONFIGURATION)


@app.command()
@takes_database
def pause(database: Database, configs: SomeConfigs) -> None:
    """Schedule nothing until they are resumed; what is live goes on."""
    _set_active(database, configs, active=False)


@app.command()
@takes_database
def resume(database: Database, configs: SomeConfigs) -> None:
    """Schedule them again, from their next slot on."""
    _set_active(database, configs, active=True)


@app.command()
@takes_database
def remove(database: Database, configs: SomeConfigs, *, yes: Yes = False) -> None:
    """Delete configs; their history stays, and their tables, too."""
    with database.open() as opened:
        with opened.engine.connect() as connection:
            names = [view.name for view in _views(opened.configs(connection), configs)]
        _confirm(f"Delete {', '.join(names)}?", yes=yes)
        with opened.engine.begin() as connection:
            for name in names:
                opened.configs(connection).delete(name)
    render.say(f"deleted {', '.join(names)}")


@app.command()
@takes_database
def export(database: Database, configs: AnyConfigs = None) -> None:
    """Print configs as YAML that `configs apply` takes."""
    from orchestrator.config_file import write_configs
    from orchestrator.views import ConfigView

    with database.open() as opened, opened.engine.connect() as connection:
        table = opened.configs(connection)
        rows = [table.find(name) for name in configs] if configs else table.every()
        written = [ConfigView.written(row, defaults=False) for row in rows]
    render.say(write_configs(written).rstrip())


def _set_active(database: Database, names: Sequence[str], *, active: bool) -> None:
    with database.open() as opened, opened.engine.begin() as connection:
        done = [opened.configs(connection).set_active(name, active=active) for name in names]
    render.say(f"{'resumed' if active else 'paused'} {', '.join(done)}")


def _view(configs: Configs, name: str) -> ConfigView:
    from orchestrator.views import ConfigView

    return ConfigView.of(configs.find(name))


def _views(configs: Configs, names: Sequence[str] | None, kind: str | None = None) -> list[ConfigView]:
    from orchestrator.views import ConfigView

    if names:
        return [_view(configs, name) for name in names]
    return [ConfigView.of(row) for row in configs.every(kind=kind)]


def _line(view: ConfigView) -> list[object]:
    place = (view.destination_project, view.destination_dataset, view.destination_table)
    cron = view.cron and (view.cron if view.timezone == "UTC" else f"{view.cron} {view.timezone}")
    return [
        view.id,
        view.name,
        view.kind,
        ".".join(part for part in place if part) or None,
        view.run_every or cron or "on demand",
        view.next_slot_at,
        view.last_success_at,
        view.last_rows,
        view.condition,
    ]


def _checked(name: str, look: Callable[[], Findings]) -> bool:
    from orchestrator.check import ConfigError

    try:
        findings = look()
    except ConfigError as error:
        for fault in error.faults:
            render.say(f"{name}: {fault}")
        return False
    slots = ", ".join(f"{slot:%Y-%m-%d %H:%M}Z" for slot in findings.upcoming[:3])
    render.say(f"{name}: ok; {f'next {slots}' if slots else 'on demand only'}")
    _warn(name, findings.warnings)
    return True


def _warn(name: str, warnings: Sequence[str]) -> None:
    for warning in warnings:
        render.complain(f"warning: {name}: {warning}")


def _show_changes(changes: Sequence[Change]) -> None:
    from orchestrator.views import redacted

    for change in changes:
        if change.is_new:
            render.say(f"+ {change.form.name} ({change.form.kind})")
        for field, was, shall in change.differences:
            before, after = (render.value(redacted({field: side})[field]) for side in (was, shall))
            render.say(f"~ {change.form.name}.{field}: {before} -> {after}")
        _warn(change.form.name, change.warnings)
    same = sum(change.is_empty for change in changes)
    render.say(f"{len(changes) - same} to write, {same} as they are")


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("expected --yes, since there is nobody to ask", param_hint="--yes")
    typer.confirm(question, abort=True)


def _piped(file: Path | None, written: object) -> Path | None:
    """Without file and flags, what is piped in is the file."""
    if file is None and not written:
        if sys.stdin.isatty():
            raise typer.BadParameter("expected a file or flags; `sluice example` prints a config to begin with")
        return Path("-")
    return file
