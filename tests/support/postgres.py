"""A real Postgres for tests: one server per session, one database per test.

The server is that of `TEST_DATABASE_URL`, a role that may create databases; without it, the embedded one, which all
processes of the session share. The migrations run once, into a template of which every test gets its own copy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from orchestrator.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

_ALEMBIC_INI = Path(__file__).parents[2] / "alembic.ini"
# The session's name, which the processes of pytest-xdist inherit.
_SESSION = "SLUICE_TEST_SESSION"
_DISCONNECTION_SECONDS = 0.1


def pytest_configure(config: pytest.Config) -> None:
    """Name the session, in the process that starts the others."""
    if not hasattr(config, "workerinput"):
        os.environ[_SESSION] = uuid.uuid4().hex


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind: no template, no server of a process that died, no data."""
    if hasattr(config, "workerinput"):
        return
    folder = _folder()
    if url := os.environ.get("TEST_DATABASE_URL"):
        with _administration(url).connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {_template_name()}"))
    elif folder.exists():
        with EmbeddedPostgres(folder, durable=False):
            home = (folder / "postgres").resolve()
        shutil.rmtree(home)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Engine]:
    """The server, as an engine whose statements need no transaction."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield _administration(url)
        return
    folder = _folder()
    # Postgres runs as another user when the tests run as root.
    folder.mkdir(mode=0o711, exist_ok=True)
    with EmbeddedPostgres(folder, durable=False) as url:
        yield _administration(url)


@pytest.fixture(scope="session")
def _template(postgres_server: Engine) -> str:
    """The name of a database with all migrations."""
    name = _template_name()
    with postgres_server.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": name})
        found = connection.execute(text("SELECT FROM pg_database WHERE datname = :name"), {"name": name})
        if not found.rowcount:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}_unfinished"))
            connection.execute(text(f"CREATE DATABASE {name}_unfinished"))
            _migrate(_url(postgres_server, f"{name}_unfinished"))
            connection.execute(text(f"ALTER DATABASE {name}_unfinished RENAME TO {name}"))
    return name


@pytest.fixture
def postgres_url(postgres_server: Engine) -> Iterator[str]:
    """The URL of an empty database."""
    with _database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def database_url(postgres_server: Engine, _template: str) -> Iterator[str]:
    """The URL of a database with all migrations and no rows."""
    with _database(postgres_server, _template) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`."""
    engine = create_engine(sqlalchemy_url(database_url))
    yield engine
    engine.dispose()


def sqlalchemy_url(url: str) -> URL:
    """Return the `postgresql://` URL in the form that has SQLAlchemy use psycopg2."""
    return make_url(url).set(drivername="postgresql+psycopg2")


@contextmanager
def _database(server: Engine, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    yield _url(server, name)
    with server.connect() as connection:
        _await_disconnection(connection, name)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _await_disconnection(connection: Connection, database: str) -> None:
    """Give closed connections the moment to end that DROP DATABASE would wait a tenth of a second for."""
    clients = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :database")
    deadline = time.monotonic() + _DISCONNECTION_SECONDS
    while connection.scalar(clients, {"database": database}) and time.monotonic() < deadline:
        time.sleep(0.001)


def _migrate(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    if not _ALEMBIC_INI.exists():
        pytest.fail(f"{_ALEMBIC_INI}: expected the migrations' configuration, got nothing; this test needs the tables")
    config = Config(_ALEMBIC_INI)
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _administration(url: str) -> Engine:
    return create_engine(sqlalchemy_url(url), isolation_level="AUTOCOMMIT", poolclass=NullPool)


def _url(server: Engine, database: str) -> str:
    return server.url.set(drivername="postgresql", database=database).render_as_string(hide_password=False)


def _template_name() -> str:
    return f"template_{os.environ[_SESSION]}"


def _folder() -> Path:
    return Path(tempfile.gettempdir(), f"sluice-tests-{os.environ[_SESSION]}")
