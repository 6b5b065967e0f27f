"""Bringing a database to a revision: from code, by the `alembic` command, at once, and when something is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import migrations
from orchestrator import migrate
from tests.migrations.sheet_table import connect, one, rows, wait_for_waiters
from tests.support.postgres import sqlalchemy_url

if TYPE_CHECKING:
    from tests.migrations.sheet_table import Connection

ROOT = Path(__file__).parents[2]
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def test_upgrade_brings_an_empty_database_to_the_head(postgres_url: str) -> None:
    assert migrate.current(postgres_url) is None
    migrate.upgrade(postgres_url)
    assert migrate.current(postgres_url) == migrations.HEAD


def test_upgrade_stops_at_the_revision_that_is_named(postgres_url: str) -> None:
    migrate.upgrade(postgres_url, "0001")
    assert migrate.current(postgres_url) == "0001"


def test_upgrade_takes_an_engine(postgres_url: str) -> None:
    engine = create_engine(sqlalchemy_url(postgres_url))
    migrate.upgrade(engine)
    with engine.connect() as connection:
        assert migrate.is_current(connection)
    engine.dispose()


def test_upgrade_of_a_current_database_changes_nothing(connection: Connection, database_url: str) -> None:
    rows(connection, "INSERT INTO load_configs (name, kind) VALUES ('a', 'google_sheet')")
    migrate.upgrade(database_url)
    assert one(connection, "SELECT count(*) FROM load_configs") == 1


def test_two_upgrades_at_once_run_one_after_the_other(postgres_url: str) -> None:
    """The second waits for the first, also while the first has not committed a single table yet."""
    command = [sys.executable, "-c", "import sys; from orchestrator import migrate; migrate.upgrade(sys.argv[1])"]
    with ExitStack() as processes, connect(postgres_url, autocommit=False) as starter:
        rows(starter, f"SELECT pg_advisory_xact_lock({migrations.ADVISORY_LOCK})")
        both = [processes.enter_context(subprocess.Popen([*command, postgres_url], cwd=ROOT)) for _ in range(2)]
        wait_for_waiters(starter, 2)
        starter.rollback()
        assert [process.wait() for process in both] == [0, 0]
    assert migrate.current(postgres_url) == migrations.HEAD


def test_revision_that_fails_leaves_nothing_of_the_others(postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        rows(connection, "CREATE TABLE ticks ()")
        with pytest.raises(migrate.MigrationError, match='relation "ticks" already exists; it is as it was; correct'):
            migrate.upgrade(postgres_url)
        assert one(connection, TABLES) == 1


def test_lock_that_is_not_free_is_not_waited_for_long(connection: Connection, database_url: str) -> None:
    """Whoever waits for a table's lock is in the way of all who come after."""
    with connect(database_url, autocommit=False) as reader:
        rows(reader, "SELECT FROM load_configs")
        with pytest.raises(migrate.MigrationError, match="end the transaction that holds the lock"):
            migrate.downgrade(database_url, "base")
    assert migrate.current(database_url) == migrations.HEAD


def test_database_of_a_newer_release_is_left_alone(connection: Connection, database_url: str) -> None:
    rows(connection, "UPDATE sluice_version SET version_num = '9999'")
    with pytest.raises(migrate.MigrationError, match="9999"):
        migrate.upgrade(database_url)
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as open_connection:
        assert not migrate.is_current(open_connection)
    engine.dispose()


def test_check_passes_on_a_migrated_database(database_url: str) -> None:
    migrate.check(database_url)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE load_configs ADD COLUMN team text",
        "ALTER TABLE runs ALTER COLUMN attempt TYPE bigint",
        "ALTER TABLE runs ALTER COLUMN attempt SET DEFAULT 1",
        "DROP INDEX one_run_per_slot",
        "COMMENT ON COLUMN runs.spec IS 'other'",
    ],
)
def test_check_finds_what_was_changed_by_hand(connection: Connection, database_url: str, change: str) -> None:
    rows(connection, change)
    with pytest.raises(migrate.MigrationError, match="New upgrade operations detected"):
        migrate.check(database_url)


def test_check_asks_for_the_missing_revisions_first(postgres_url: str) -> None:
    with pytest.raises(migrate.MigrationError, match="not up to date"):
        migrate.check(postgres_url)


def test_tables_and_history_of_others_are_left_alone(postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        rows(connection, "CREATE TABLE alembic_version (version_num text)")
        rows(connection, "INSERT INTO alembic_version VALUES ('theirs')")
        migrate.upgrade(postgres_url)
        migrate.check(postgres_url)
        migrate.downgrade(postgres_url, "base")
        assert rows(connection, "SELECT version_num FROM alembic_version") == [("theirs",)]


def test_tables_are_made_in_the_first_schema_of_the_search_path(postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        rows(connection, "CREATE SCHEMA sluice")
        rows(connection, f"ALTER DATABASE {connection.info.dbname} SET search_path = sluice, public")
        migrate.upgrade(postgres_url)
        migrate.check(postgres_url)
        assert one(connection, TABLES) == 0
    with connect(postgres_url) as connection:
        rows(connection, "INSERT INTO load_configs (name, kind) VALUES ('a', 'google_sheet')")
        rows(connection, "SET search_path = public")
        rows(connection, "UPDATE sluice.sheet_to_bigquery_configs SET last_run = now()")
        assert one(connection, "SELECT count(*) FROM sluice.config_changes") == 1


def _alembic(*arguments: str, database_url: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({"DATABASE_URL": database_url} if database_url else {})
    command = [sys.executable, "-m", "alembic", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_alembic_command_takes_the_database_from_the_environment(postgres_url: str) -> None:
    done = _alembic("upgrade", "head", database_url=postgres_url)
    assert done.returncode == 0, done.stderr
    assert migrate.current(postgres_url) == migrations.HEAD
    assert "No new upgrade operations" in _alembic("check", database_url=postgres_url).stdout


def test_alembic_command_without_a_database_says_what_is_missing() -> None:
    done = _alembic("current")
    assert done.returncode == 1
    assert done.stderr == "alembic: expected DATABASE_URL, got none; set it, or run `sluice migrate`\n"


def test_revisions_can_be_printed_and_run_by_somebody_else(postgres_url: str) -> None:
    """Some databases are changed by their administrators alone."""
    script = _alembic("upgrade", "head", "--sql").stdout
    with connect(postgres_url) as connection:
        rows(connection, script)
    migrate.check(postgres_url)


def test_error_of_the_connection_is_passed_on() -> None:
    with pytest.raises(Exception, match=r"does not exist|No such file") as raised:
        migrate.upgrade("postgresql://nobody@/nothing?host=/nowhere")
    assert isinstance(raised.value.__cause__, psycopg2.OperationalError)


def test_head_is_the_last_revision() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.HEAD]
