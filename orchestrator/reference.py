"""The parts of `docs/reference` that follow from the code: `python -m orchestrator.reference` writes them anew.

A page has a block between `<!-- generated -->` and `<!-- end -->`; what stands around it is written by hand.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main

from orchestrator.api import describe_api
from orchestrator.cli import app as sluice
from orchestrator.commands.flags import DATABASE_FLAGS
from orchestrator.exit_codes import ExitCode
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER = Path("docs/reference")
_BLOCK = re.compile(r"(?<=<!-- generated -->\n).*?(?=<!-- end -->)", re.DOTALL)


def render_page(name: str, page: str) -> str:
    """Return a page with its block written anew."""
    block = "\n".join(["", *PAGES[name]()])
    return _BLOCK.sub(lambda _: block, page)


def _table(*rows: Sequence[str]) -> Iterator[str]:
    """Yield a table; the first row is its head."""
    for number, row in enumerate(rows):
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"
        if number == 0:
            yield "|" + "---|" * len(row)


def cli() -> Iterator[str]:
    """Yield the commands, with their arguments and flags."""
    for path, command in commands():
        arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
        flags = [p for p in command.params if p.param_type_name == "option" and p.name not in {*DATABASE_FLAGS, "help"}]
        usage = " ".join(["sluice", *path, *(_metavar(argument) for argument in arguments)])
        yield from [f"## `{usage}`", "", _sentence(command.help), ""]
        if arguments or flags:
            rows = [(f"`{_metavar(argument)}`", _help(argument)) for argument in arguments]
            rows += [(_flag(flag), _help(flag)) for flag in flags]
            yield from [*_table(("Argument or flag", "What it says"), *rows), ""]
        if any(parameter.name in DATABASE_FLAGS for parameter in command.params):
            yield from ["And the [flags of the database](#flags-of-the-database).", ""]


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command of `sluice` with its path."""
    pending: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(sluice))]
    while pending:
        path, command = pending.pop(0)
        if hasattr(command, "commands"):
            pending = [((*path, name), found) for name, found in command.commands.items()] + pending
        else:
            yield path, command


def _metavar(argument: Any) -> str:  # noqa: ANN401 - Typer's own
    return argument.metavar or (argument.name.upper() if argument.required else f"[{argument.name.upper()}]")


def _flag(flag: Any) -> str:  # noqa: ANN401 - Typer's own
    names = ", ".join(f"`{name}`" for name in flag.opts)
    return names if flag.is_flag else f"{names} `{flag.metavar or 'TEXT'}`"


def _help(parameter: Any) -> str:  # noqa: ANN401 - Typer's own
    text = re.sub(r"\\?\[env: (\w+)\]", r"Variable: `\1`.", parameter.help or "")
    needed = " Required." if parameter.required and parameter.param_type_name == "option" else ""
    default = f" Default: `{parameter.default}`." if isinstance(parameter.default, int) and parameter.default else ""
    return text + needed + ("" if getattr(parameter, "is_flag", False) else default)


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def settings() -> Iterator[str]:
    """Yield every setting with its default."""
    rows = [
        (f"`{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    yield from [*_table(("Variable", "Default", "What it says"), *rows), ""]


def _default(value: object) -> str:
    if value in (None, ""):
        return ""
    return f"`{value.total_seconds():g}`" if isinstance(value, timedelta) else f"`{value}`"


def http_api() -> Iterator[str]:
    """Yield every operation, with what it takes and what it answers."""
    for path, methods in describe_api().openapi()["paths"].items():
        for method, told in methods.items():
            yield from [f"## `{method.upper()} {path}`", "", f"{told['summary']}.", told.get("description", ""), ""]
            parameters = [
                (f"`{given['name']}`", given["in"], given.get("description", ""))
                for given in told.get("parameters", [])
            ]
            if parameters:
                yield from [*_table(("Parameter", "In", "What it says"), *parameters), ""]
            if "requestBody" in told:
                yield from ["Body, for example:", "", *_body(told["requestBody"]), ""]
            answers = [(f"`{status}`", answer["description"]) for status, answer in sorted(told["responses"].items())]
            yield from [*_table(("Answer", "What it says"), *answers), ""]


def _body(body: dict[str, Any]) -> list[str]:
    examples = body["content"]["application/json"]["examples"].values()
    shortest = min((example["value"] for example in examples), key=lambda value: len(json.dumps(value)))
    return ["```json", *json.dumps(shortest, indent=2).splitlines(), "```"]


def exit_codes() -> Iterator[str]:
    """Yield every exit code."""
    rows = [(f"`{code.value}`", code.name.lower().replace("_", " "), code.meaning) for code in ExitCode]
    yield from [*_table(("Code", "Name", "What it says"), *rows), ""]


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "cli": cli,
    "exit-codes": exit_codes,
    "http-api": http_api,
    "settings": settings,
}

if __name__ == "__main__":
    for name in PAGES:
        page = FOLDER / f"{name}.md"
        page.write_text(render_page(name, page.read_text(encoding="utf-8")), encoding="utf-8")
