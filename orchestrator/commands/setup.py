"""`sluice migrate`, `example`, `demo` and `sandbox`: to begin with."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator import render
from orchestrator.commands.flags import Database, takes_database

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
Kind = Annotated[str | None, typer.Argument(help="google_sheet, stock_prices, postgresql ...")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(example)
    app.command(context_settings=_PASSED_ON)(demo)
    app.command(context_settings=_PASSED_ON)(sandbox)


@takes_database
def migrate(database: Database) -> None:
    """Create the tables, or bring them up to this version; what is there stays."""
    from orchestrator import migrate as migrations
    from orchestrator.app import open_database

    with open_database(database.settings()) as engine:
        before = migrations.current(engine)
        migrations.upgrade(engine)
        after = migrations.current(engine)
    render.say(f"at {after} already" if before == after else f"from {before or 'nothing'} to {after}")


def example(kind: Kind = None) -> None:
    """Print a config to begin with: of a kind, else a sheet in the flat keys of a plain sheet job."""
    from orchestrator.check import ConfigError
    from orchestrator.example_configs import FLAT_CONFIG, example_config
    from worker.contract.options import OptionsError

    try:
        render.as_json(example_config(kind) if kind else FLAT_CONFIG)
    except OptionsError as error:
        raise ConfigError(*error.faults) from None


def demo(context: typer.Context) -> None:
    """Load a sheet, stock prices and a database, all on this machine; what follows goes to the demo."""
    _module("demo", context.args)


def sandbox(context: typer.Context) -> None:
    """Serve stand-ins of Google Sheets, Yahoo and Slack on loopback; what follows goes to the sandbox."""
    _module("sandbox", context.args)


def _module(name: str, arguments: list[str]) -> None:
    """Become `python -m name`."""
    import os
    import sys

    os.execv(sys.executable, [sys.executable, "-P", "-m", name, *arguments])  # noqa: S606 - no shell is wanted
