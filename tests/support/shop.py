"""A database to load from, filled by plain SQL, and what its source reads of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import make_url, text

from tests.worker.sources.conformance import open_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from psycopg2.extensions import connection as Connection  # noqa: N812 - a class, named as a function
    from sqlalchemy import Engine

    from worker.contract.run_folder import PlannedUnit

CONNECTION = "env://SHOP_DATABASE_URL"
_EMPTY = """
DO $$ DECLARE name name; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
END $$;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


@dataclass
class Shop:
    """A database whose URL is in the variable `SHOP_DATABASE_URL`."""

    url: str
    monkeypatch: pytest.MonkeyPatch
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connect_to(self.url)

    def connect_to(self, url: str) -> None:
        """Let the source read from another address from now on."""
        self.monkeypatch.setenv("SHOP_DATABASE_URL", url)

    def connect_with(self, *, role: str | None = None, setting: str | None = None) -> None:
        """Let the source log in as another role, or with a setting of its session, such as `timezone=UTC`."""
        url = make_url(self.url)
        url = url.update_query_dict({"options": f"-c{setting}"} if setting else {})
        self.connect_to(url.set(username=role or url.username).render_as_string(hide_password=False))

    def run(self, sql: str) -> None:
        """Run statements, and commit."""
        with self.session() as session, session, session.cursor() as cursor:
            cursor.execute(sql)

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Open a session of one's own; nothing is committed by itself."""
        session = psycopg2.connect(self.url)
        try:
            yield session
        finally:
            session.close()

    def plan(self, options: dict[str, Any], **request: Any) -> list[PlannedUnit]:  # noqa: ANN401 - fields of Request
        """Return the units that a run has now."""
        source = open_with("postgresql", {"connection": CONNECTION, **options}, warn=self.warnings.append, **request)
        return list(source.plan())

    def batches(self, options: dict[str, Any], **request: Any) -> list[pa.RecordBatch]:  # noqa: ANN401 - fields of Request
        """Return all that a run reads."""
        source = open_with("postgresql", {"connection": CONNECTION, **options}, warn=self.warnings.append, **request)
        return [batch for unit in source.plan() for batch in source.read(unit)]

    def rows(self, options: dict[str, Any], **request: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - fields of Request
        """Return all rows that a run reads."""
        return [row for batch in self.batches(options, **request) for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def shop_url(postgres_server: Engine) -> Iterator[str]:
    """The URL of a database of this module's own; emptying it for a test takes a tenth of making another."""
    name = f"shop_{uuid4().hex}"
    with postgres_server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    url = postgres_server.url.set(drivername="postgresql", database=name)
    yield url.render_as_string(hide_password=False)
    with postgres_server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def shop(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The module's database without a table."""
    shop = Shop(shop_url, monkeypatch)
    shop.run(_EMPTY)
    return shop


@pytest.fixture
def stranger(shop: Shop) -> Iterator[str]:
    """The name of a role that may log in and nothing else."""
    name = f"stranger_{uuid4().hex[:8]}"
    shop.run(f"CREATE ROLE {name} LOGIN")
    yield name
    shop.run(f"DROP OWNED BY {name}; DROP ROLE {name}")
