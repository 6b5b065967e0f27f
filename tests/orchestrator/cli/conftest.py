"""`sluice` in this process, on a database of its own, in a folder of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from typer.testing import CliRunner

from orchestrator.cli import app as sluice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

Sluice = Callable[..., Any]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command starts the log: what was before comes back."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def bare() -> Sluice:
    """Run a command without a database."""

    def run(*arguments: str, code: int = 0, typed: str | None = None) -> Any:  # noqa: ANN401 - JSON is what it is
        done: Result = CliRunner().invoke(sluice, arguments, input=typed)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if "--json" in arguments and code == 0 else done

    return run


@pytest.fixture
def run(bare: Sluice, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Sluice:
    """Run a command on a database with all migrations; with `--json` and success, its answer, parsed."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return bare
