"""Bring a database to the revision that the code expects, and say how far it is.

The same revisions run by the `alembic` command; here they are found in the installed package, without `alembic.ini`.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config

_FOLDER = str(Path(migrations.__file__).parent)
_LOCK_NOT_AVAILABLE = "55P03"
_END_THE_OTHER = "end the transaction that holds the lock (see pg_stat_activity), then run `sluice migrate` again"


class MigrationError(Exception):
    """The database was left as it was; the message says why and what to do."""


def upgrade(database: sa.Engine | str, revision: str = "head") -> None:
    """Run the revisions up to `revision` that are missing, all in one transaction; another process is waited for.

    Raises:
        MigrationError: A lock was not to be had, or the database is of a newer Sluice.
    """
    from alembic import command

    with _migrating(database) as config:
        command.upgrade(config, revision)


def downgrade(database: sa.Engine | str, revision: str) -> None:
    """Undo the revisions after `revision` (`base`: all of them, and with them all rows of ours), in one transaction.

    Raises:
        MigrationError: A lock was not to be had, or the database is of a newer Sluice.
    """
    from alembic import command

    with _migrating(database) as config:
        command.downgrade(config, revision)


def check(database: sa.Engine | str) -> None:
    """Compare the database with `orchestrator.tables`; changes nothing.

    Raises:
        MigrationError: The database is not at `head`, or its tables were changed by hand.
    """
    from alembic import command

    with _migrating(database) as config:
        command.check(config)


def current(database: sa.Engine | str) -> str | None:
    """Return the revision of the database; None: it has none of our tables."""
    with _connect(database) as connection:
        return _current(connection)


def is_current(connection: sa.Connection) -> bool:
    """Whether the database has exactly the revision that the code expects."""
    return _current(connection) == migrations.HEAD


def _current(connection: sa.Connection) -> str | None:
    """Every command asks this first, so it does without Alembic, which takes longer to import than the answer."""
    table = migrations.VERSION_TABLE
    if not connection.scalar(sa.text("select to_regclass(:table)"), {"table": table}):
        return None
    revision: str | None = connection.scalar(sa.text(f"select version_num from {table}"))  # noqa: S608 - a name of ours
    return revision


@contextmanager
def _migrating(database: sa.Engine | str) -> Iterator[Config]:
    from alembic.util import CommandError

    try:
        with _connect(database) as connection:
            yield _config(connection)
    except sa.exc.DBAPIError as error:
        code = getattr(error.orig, "pgcode", None)
        if code is None:
            raise
        advice = _END_THE_OTHER if code == _LOCK_NOT_AVAILABLE else "correct that, then run `sluice migrate` again"
        raise MigrationError(
            f"migrate: expected a database that takes the revisions, got: {str(error.orig).splitlines()[0]}; "
            f"it is as it was; {advice}"
        ) from error
    except CommandError as error:
        raise MigrationError(
            f"migrate: expected a database that fits revision {migrations.HEAD}, got: {error}"
        ) from error


@contextmanager
def _connect(database: sa.Engine | str) -> Iterator[sa.Connection]:
    if isinstance(database, sa.Engine):
        with database.begin() as connection:
            yield connection
        return
    url = sa.make_url(database).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        yield connection


def _config(connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", _FOLDER.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
