"""A row of `load_configs`, written by plain SQL, becomes rows of a DuckDB file: every part is the real one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.support.configs import add_config, execute, rows
from tests.support.postgres import sqlalchemy_url
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

SLUICE = (sys.executable, "-c", "from orchestrator.cli import main; main()")
ORDERS = "create table orders as select n as id, now() - interval '1 hour' as created_at from generate_series(1, 100) n"


@dataclass
class Installation:
    """Sluice in a folder of its own, beside a shop's database."""

    folder: Path
    database_url: str
    shop_url: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DATABASE_URL": self.database_url, "SHOP_DATABASE_URL": self.shop_url}

    def sluice(self, *arguments: str) -> str:
        """Run a command that succeeds."""
        done = subprocess.run(
            [*SLUICE, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Have a server, and its address."""
        process = subprocess.Popen(
            [*SLUICE, "serve", "--port", "0"],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, "expected a line with the address"
            yield process, found[0]
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def loaded(self, table: str) -> list[tuple[Any, ...]]:
        """Return ids of the destination's table."""
        file = str(self.folder / ".sluice/warehouse.duckdb")
        with duckdb.connect(file, read_only=True) as connection:
            return connection.sql(f"select id from raw.{table} order by id").fetchall()


@pytest.fixture
def shop(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(sqlalchemy_url(postgres_url))
    execute(engine, ORDERS)
    yield engine
    engine.dispose()


@pytest.fixture
def installation(tmp_path: Path, database_url: str, postgres_url: str, shop: Engine) -> Installation:
    return Installation(tmp_path, database_url, postgres_url)


def _add_orders(engine: Engine, name: str = "orders", **columns: Any) -> int:  # noqa: ANN401 - columns of any type
    source = {"connection": "env://SHOP_DATABASE_URL", "table": "orders", "cursor_column": "created_at"}
    return add_config(engine, name, kind="postgresql", source=source, load_mode="append", **columns)


def _states(engine: Engine) -> list[str]:
    return [row["state"] for row in rows(engine, "select state from runs order by queued_at")]


def _ids(last: int) -> list[tuple[int]]:
    return [(n,) for n in range(1, last + 1)]


def test_row_becomes_rows_and_the_next_run_adds_what_is_new(
    installation: Installation, engine: Engine, shop: Engine
) -> None:
    config_id = _add_orders(engine)
    installation.sluice("tick", "--wait")
    assert installation.loaded("orders") == _ids(100)
    execute(shop, "insert into orders select n, now() - interval '10 minutes' from generate_series(101, 130) n")
    installation.sluice("run", "orders", "--wait")
    assert installation.loaded("orders") == _ids(130)
    assert [row["rows"] for row in rows(engine, "select rows from runs order by queued_at")] == [100, 30]
    (state,) = rows(engine, "select * from load_states where config_id = :id", id=config_id)
    assert (state["last_rows"], state["consecutive_failures"], state["quarantine_reason"]) == (30, 0, None)
    assert state["cursor"] is not None


def test_worker_that_ends_has_the_next_one_started(installation: Installation, engine: Engine) -> None:
    """One request, no timer: workers know where to call, and with which token."""
    for name in ("a", "b", "c"):
        _add_orders(engine, name)
    with installation.serving(ADMIN_TOKEN="letmein", MAX_PARALLEL_JOBS="1") as (_, url):
        answer = httpx.post(f"{url}/tick", headers={"Authorization": "Bearer letmein"})
        assert answer.json()["counts"]["launched"] == 1
        wait_until(lambda: _states(engine) == ["succeeded"] * 3, timeout_seconds=60, what="three runs that succeeded")
    assert all(installation.loaded(name) == _ids(100) for name in ("a", "b", "c"))


def test_run_goes_on_when_the_server_ends_and_the_next_process_sees_its_end(
    installation: Installation, engine: Engine, shop: Engine
) -> None:
    _add_orders(engine)
    with shop.begin() as admin:
        admin.execute(text("lock table orders in access exclusive mode"))
        with installation.serving() as (process, url):
            httpx.post(f"{url}/tick")
            waiting = "select from pg_locks where not granted"
            wait_until(lambda: rows(shop, waiting), timeout_seconds=30, what="a worker that waits for the table")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        assert _states(engine) == ["running"]
    installation.sluice("tick", "--wait")
    assert _states(engine) == ["succeeded"]
    assert installation.loaded("orders") == _ids(100)
