"""How Alembic runs the revisions: all that are missing in one transaction, one process at a time.

The connection is `config.attributes["connection"]`, whose transaction is then the caller's; without it, it is made
from DATABASE_URL.
"""

from __future__ import annotations

import os
from logging.config import fileConfig
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import context

from migrations import ADVISORY_LOCK, VERSION_TABLE
from orchestrator import tables

if TYPE_CHECKING:
    from alembic.runtime.environment import NameFilterParentNames, NameFilterType

_ONE_AT_A_TIME = f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"
_WAIT_FOR_THE_OTHER = "SET LOCAL lock_timeout = '5min'"
# Whoever waits for a table's lock is in the way of all who come after; better to give up and say so.
_WAIT_FOR_TABLES = "SET LOCAL lock_timeout = '3s'"


def _is_ours(name: str | None, kind: NameFilterType, _parents: NameFilterParentNames) -> bool:
    """Leave the tables of others in the same database alone."""
    return kind != "table" or name in tables.metadata.tables


def _options() -> dict[str, Any]:
    return {
        "target_metadata": tables.metadata,
        "version_table": VERSION_TABLE,
        "include_name": _is_ours,
        "compare_type": True,
        "compare_server_default": True,
        "transactional_ddl": True,
    }


def _migrate(connection: sa.Connection) -> None:
    context.configure(connection=connection, **_options())
    with context.begin_transaction():
        for statement in (_WAIT_FOR_THE_OTHER, _ONE_AT_A_TIME, _WAIT_FOR_TABLES):
            connection.execute(sa.text(statement))
        context.run_migrations()


def _database_url() -> sa.URL:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("alembic: expected DATABASE_URL, got none; set it, or run `sluice migrate`")
    return sa.make_url(url).set(drivername="postgresql+psycopg2")


def _connect_and_migrate() -> None:
    engine = sa.create_engine(_database_url(), poolclass=sa.NullPool)
    with engine.connect() as connection:
        _migrate(connection)


def _print_sql() -> None:
    # A driver's way to write parameters would double every percent sign.
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True, **_options())
    with context.begin_transaction():
        context.run_migrations()


if context.config.config_file_name is not None and "connection" not in context.config.attributes:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
if context.is_offline_mode():
    _print_sql()
elif "connection" in context.config.attributes:
    _migrate(context.config.attributes["connection"])
else:
    _connect_and_migrate()
