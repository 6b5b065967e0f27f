"""Command lines of our own programs, as they stand in documents: found, and checked without running them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from typing import TYPE_CHECKING, Any

import typer.main

import sandbox.__main__
import worker.cli
from orchestrator.cli import app

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

_HEREDOC = re.compile(r"<<'(\w+)'.*?^\1$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"\w+=")
_COMMENT = re.compile(r"(^|\s)#\s.*$", re.MULTILINE)
_ENDS = "();<>|&\n"
_PROGRAMS = ("sluice", "sluice-worker")
_SLUICE: Any = typer.main.get_command(app)


def commands_of(script: str) -> Iterator[list[str]]:
    """Yield the words of each command of ours in a piece of shell."""
    text = _COMMENT.sub("", _HEREDOC.sub("", script.replace("\\\n", " ")))
    for words in _simple_commands(text):
        while words and _ASSIGNMENT.match(words[0]):
            words.pop(0)
        if words and words[0] in _PROGRAMS:
            yield words


def _simple_commands(text: str) -> Iterator[list[str]]:
    """Split where the shell does: at ends of lines, pipes, redirections, lists and substitutions."""
    lexer = shlex.shlex(text.replace("$(", " ( "), posix=True, punctuation_chars=_ENDS)
    lexer.commenters = ""
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set(_ENDS):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def fault(words: Sequence[str], *, whole: bool = True) -> str | None:
    """Return what is wrong with a command line, or None; one that is not `whole` may lack what is required."""
    program, *arguments = words
    if program == "sluice-worker":
        return _argparse_fault(worker.cli._parser(), arguments)  # noqa: SLF001 - there is no other way to ask
    return _fault_of(_SLUICE, arguments, whole=whole)


def _fault_of(command: Any, arguments: Sequence[str], *, whole: bool) -> str | None:  # noqa: ANN401 - Typer's own
    names = getattr(command, "commands", None)
    if names and arguments and not arguments[0].startswith("-"):
        if arguments[0] not in names:
            return f"there is no command {arguments[0]}"
        if arguments[0] == "sandbox":
            return _argparse_fault(sandbox.__main__._parser(), arguments[1:])  # noqa: SLF001 - as above
        return _fault_of(names[arguments[0]], arguments[1:], whole=whole)
    return _typer_fault(command, arguments, whole=whole and not names)


def _typer_fault(command: Any, arguments: Sequence[str], *, whole: bool) -> str | None:  # noqa: ANN401 - Typer's own
    parser = command.make_parser(command.context_class(command))
    try:
        given, left, _ = parser.parse_args(list(arguments))
    except Exception as error:  # noqa: BLE001 - of Typer's own classes, which are private
        return str(error)
    missing = [param.name for param in command.params if param.required and whole and not given.get(param.name)]
    if missing or (left and not getattr(command, "commands", None)):
        return f"missing {missing}" if missing else f"unexpected {left}"
    return None


def _argparse_fault(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> str | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parser.parse_args(arguments)
    except SystemExit as end:
        return said.getvalue() if end.code else None
    return None
