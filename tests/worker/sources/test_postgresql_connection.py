"""Connections that are refused, not to be had, or lost: each says whose fault it is and what to do."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psycopg2
import pytest

from orchestrator.embedded import EmbeddedPostgres
from tests.support.shop import CONNECTION, Shop
from tests.support.waiting import wait_until
from tests.worker.sources.conformance import open_with
from worker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = {"table": "orders"}


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    """The URL of a server of this module's own: it asks `reader` for a password, turns `banned` away, and may crash."""
    with TemporaryDirectory() as folder, EmbeddedPostgres(_entered_by_all(folder), durable=False) as url:
        session = psycopg2.connect(url)
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute("CREATE ROLE reader LOGIN PASSWORD 'geheim'; CREATE ROLE banned LOGIN; CREATE ROLE nologin")
            cursor.execute("SHOW hba_file")
            _guard(Path((cursor.fetchone() or ("",))[0]))
            cursor.execute("SELECT pg_reload_conf()")
        session.close()
        yield url


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def _entered_by_all(folder: str) -> Path:
    """Postgres runs as another user when the tests run as root."""
    Path(folder).chmod(0o711)
    return Path(folder)


def _guard(hba: Path) -> None:
    rules = ["local all reader scram-sha-256", "local all banned reject"]
    hba.write_text("\n".join([*rules, hba.read_text(encoding="utf-8")]), encoding="utf-8")


@pytest.mark.parametrize(
    ("login", "says"),
    [
        ("reader:falsch@/postgres", "password authentication failed.*; correct the password"),
        ("reader@/postgres", "no password supplied.*; correct the password"),
        ("banned@/postgres", "pg_hba.conf rejects connection.*; let this role in from here"),
        ("nologin@/postgres", "not permitted to log in.*; let this role in"),
        ("nobody@/postgres", 'role "nobody" does not exist.*; correct the role'),
        ("postgres@/nowhere", 'database "nowhere" does not exist.*; correct the database'),
    ],
)
def test_refused_connection_says_what_to_correct(
    guarded_url: str, monkeypatch: pytest.MonkeyPatch, login: str, says: str
) -> None:
    shop = Shop(guarded_url.replace("postgres@/postgres", login), monkeypatch)
    with pytest.raises(ConfigurationError, match=says) as caught:
        shop.rows(TABLE)
    assert str(caught.value).startswith(f"{CONNECTION}: expected a connection to /")
    assert caught.value.fingerprint == f"connection {CONNECTION}"
    assert "falsch" not in str(caught.value)


def test_right_password_reads(guarded_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(guarded_url.replace("postgres@", "reader:geheim@"), monkeypatch)
    assert shop.rows({"query": "SELECT current_user::text AS me"}) == [{"me": "reader"}]


def test_crash_in_mid_read_is_unavailable(guarded_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The killed process takes the server down, which ends every session and starts again."""
    Shop(guarded_url, monkeypatch)
    query = "SELECT pg_backend_pid() AS pid, repeat('x', 1000) AS padding FROM generate_series(1, 100000)"
    source = open_with("postgresql", {"connection": CONNECTION, "query": query})
    batches = iter(source.read(source.plan()[0]))
    os.kill(next(batches).column("pid")[0].as_py(), signal.SIGKILL)
    with pytest.raises(Unavailable, match=r"query: expected the server .* to answer, got .*; try again") as caught:
        list(batches)
    assert caught.value.fingerprint.startswith("host /")
    wait_until(lambda: _answers(guarded_url), what="the server has started again")


def test_session_that_an_administrator_ends_is_unavailable(shop: Shop) -> None:
    query = "SELECT pg_backend_pid() AS pid, repeat('x', 1000) AS padding FROM generate_series(1, 100000)"
    source = open_with("postgresql", {"connection": CONNECTION, "query": query})
    batches = iter(source.read(source.plan()[0]))
    shop.run(f"SELECT pg_terminate_backend({next(batches).column('pid')[0].as_py()})")
    with pytest.raises(Unavailable, match="; try again"):
        list(batches)


def test_source_reads_again_after_its_session_was_ended(shop: Shop) -> None:
    shop.run("CREATE TABLE orders AS SELECT 1 AS id")
    source = open_with("postgresql", {"connection": CONNECTION, **TABLE})
    [unit] = source.plan()
    assert [batch.num_rows for batch in source.read(unit)] == [1]
    shop.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'")
    with pytest.raises(Unavailable):
        list(source.read(unit))
    assert [batch.num_rows for batch in source.read(unit)] == [1]


def test_unreachable_host_is_one_cause_for_all_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("postgresql://reader:geheim@127.0.0.1:9/shop", monkeypatch)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1.*Connection refused.*; start it, or let") as caught:
        shop.rows(TABLE)
    assert caught.value.fingerprint == "host 127.0.0.1"
    assert "geheim" not in str(caught.value)


def test_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("postgresql://reader:geheim@db.invalid/shop", monkeypatch)
    with pytest.raises(ConfigurationError, match=r'could not translate host name "db.invalid".*; correct the host'):
        shop.rows(TABLE)


@pytest.mark.parametrize("secret", ["host=/tmp password=ge heim", "postgresql://reader:ge/heim@db/shop", "heim"])
def test_unreadable_connection_string_is_not_shown(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    shop = Shop(secret, monkeypatch)
    with pytest.raises(ConfigurationError, match=f"{CONNECTION}: expected postgresql://") as caught:
        shop.rows(TABLE)
    assert "heim" not in str(caught.value)


def test_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("unused", monkeypatch)
    with pytest.raises(ConfigurationError, match="set the variable NOWHERE"):
        shop.rows({**TABLE, "connection": "env://NOWHERE"})
