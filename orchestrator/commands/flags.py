"""Flags that many commands share, once; whatever reaches Postgres takes the same six."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from orchestrator.app import App
    from orchestrator.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_PANEL = "Postgres (neither a URL nor a host: an embedded one in ./.sluice)"


def _database_flag(help_text: str, variable: str, *, kind: type = str) -> Any:  # noqa: ANN401 - an annotation
    option = typer.Option(
        metavar=variable.partition("_")[2],
        help=f"{help_text} \\[env: {variable}]",
        rich_help_panel=_PANEL,
        show_default=False,
    )
    return Annotated[kind | None, option]


DATABASE_FLAGS: dict[str, Any] = {
    "database_url": _database_flag("All in one, postgresql://...; wins over the others.", "DATABASE_URL"),
    "postgres_host": _database_flag("Host.", "POSTGRES_HOST"),
    "postgres_port": _database_flag("Port, 5432 unless given.", "POSTGRES_PORT", kind=int),
    "postgres_db": _database_flag("Database.", "POSTGRES_DB"),
    "postgres_user": _database_flag("Role.", "POSTGRES_USER"),
    "postgres_password": _database_flag("Better set by the variable: others see flags.", "POSTGRES_PASSWORD"),
}

DATE: dict[str, Any] = {"formats": ["%Y-%m-%d"], "metavar": "DATE"}
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended; ticks meanwhile.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Database:
    """What was written on the command line about the database."""

    written: dict[str, Any]

    def settings(self, *, log_level: str = "WARNING", **written: object) -> Settings:
        """Read the settings, and start the log: from `log_level` on, unless LOG_LEVEL says otherwise.

        `written` are this command's own flags.
        """
        from orchestrator.logs import start_logging
        from orchestrator.settings import load_settings

        settings = load_settings(**self.written, **written)
        start_logging(settings.log_level if "log_level" in settings.model_fields_set else log_level)
        return settings

    def open(self) -> AbstractContextManager[App]:
        """Open the application on this database."""
        from orchestrator.app import open_app

        return open_app(self.settings())


def takes_database(command: Callable[Concatenate[Database, P], T]) -> Callable[..., T]:
    """Give a command the six flags; it gets what was written as its first argument."""

    @functools.wraps(command)
    def with_flags(*args: Any, **flags: Any) -> T:  # noqa: ANN401 - Typer passes what the signature says
        database = Database({name: flags.pop(name) for name in DATABASE_FLAGS})
        return command(database, *args, **flags)

    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in DATABASE_FLAGS.items()
    ]
    with_flags.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    with_flags.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
    del with_flags.__wrapped__  # or its annotations would be read
    return with_flags
