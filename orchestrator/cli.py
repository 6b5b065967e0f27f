"""`sluice`: the command line. Exit codes are those of `orchestrator.exit_codes`."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.core import TyperGroup

from orchestrator.commands import configs, execute, runs, serve, setup, status, tick
from orchestrator.exit_codes import ExitCode, exit_code_of

if TYPE_CHECKING:
    from typer._click import Context


class _Sluice(TyperGroup):
    """All commands; whatever error ends one becomes a sentence and an exit code."""

    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if type(error).__module__.startswith("typer."):
                raise
            code = exit_code_of(error)
            if code is ExitCode.BUG:
                raise
            typer.echo(f"error: {_sentence(error)}", err=True)
            raise typer.Exit(code) from error


app = typer.Typer(
    name="sluice",
    cls=_Sluice,
    help="Scheduled loads into BigQuery, described as rows in Postgres and fanned out as jobs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it
    if asked:
        from orchestrator.version import version

        typer.echo(version())
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and end.")
]


@app.callback()
def _options(*, version: Version = False) -> None:
    """What stands before a command."""


for group in (serve, tick, execute, status, setup):
    group.register(app)
app.add_typer(configs.app, name="configs")
app.add_typer(runs.app, name="runs")


def main() -> None:
    """Run the command that the command line names."""
    # SIGTERM ends a command as Ctrl-C does: what it has opened is closed.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except Exception:  # noqa: BLE001 - the last resort
        _report_bug()


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _report_bug() -> NoReturn:
    import traceback

    traceback.print_exc()
    typer.echo("error: nobody foresaw this one; please report it with the lines above", err=True)
    sys.exit(ExitCode.BUG)


def _sentence(error: Exception) -> str:
    """Return the error in one paragraph; a database's own also has a statement in it, which helps nobody."""
    original = getattr(error, "orig", None)
    if original is None:
        return str(error)
    if getattr(original, "pgcode", None) == "55P03":
        return "database: expected a lock that is free, got one that another tick holds; try again"
    return f"database: expected an answer, got: {str(original).strip().splitlines()[0]}; try again"
