"""What tests of the whole get: a rig of real parts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine

import worker.contract.options
from sandbox.server import Sandbox
from tests.support.crash import Rig
from tests.support.postgres import sqlalchemy_url
from tests.support.processes import ForkServer
from tests.support.tick_process import OPTIONS_OF_TESTS, Parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture(scope="session")
def _ticks() -> Iterator[ForkServer]:
    """The server that forks processes which tick."""
    server = ForkServer("tests.support.tick_process")
    yield server
    server.close()


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    """A sandbox without messages and faults."""
    _sandbox.slack.clear()
    _sandbox.faults.clear()
    _sandbox.requests.clear()
    return _sandbox


@pytest.fixture
def _kinds_of_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process know the kind `rows`, too."""
    options = worker.contract.options
    monkeypatch.setattr(options, "__path__", [*options.__path__, OPTIONS_OF_TESTS])
    options.kinds.cache_clear()
    yield
    options.kinds.cache_clear()


@pytest.fixture
def rig(
    engine: Engine,
    database_url: str,
    postgres_url: str,
    sandbox: Sandbox,
    tmp_path: Path,
    _ticks: ForkServer,
    _kinds_of_tests: None,
) -> Iterator[Rig]:
    """All of Sluice, with nothing in it yet."""
    parts = Parts(
        database_url,
        home=str(tmp_path),
        slack_api_url=sandbox.environment["SLACK_API_URL"],
        slack_token=sandbox.environment["SLACK_BOT_TOKEN"],
        worker_environment={"PATH": os.environ["PATH"], "SHOP_DATABASE_URL": postgres_url, **sandbox.environment},
    )
    source = create_engine(sqlalchemy_url(postgres_url))
    rig = Rig(engine, source, sandbox, _ticks, parts, tmp_path)
    yield rig
    rig.end_everything()
    source.dispose()
