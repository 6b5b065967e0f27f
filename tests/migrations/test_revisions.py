"""The revisions as a whole: one line of history, every step of it can be undone, and it ends where the code begins."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.script import ScriptDirectory

import migrations
from migrations.dump import dump
from orchestrator import migrate
from orchestrator.tables import metadata
from tests.migrations.sheet_table import TABLE, connect, one, rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.migrations.sheet_table import Connection

FOLDER = Path(migrations.__file__).parent
REVISIONS = list(reversed(list(ScriptDirectory(str(FOLDER)).walk_revisions())))

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u')
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
COMMENTS = """
    SELECT relname, obj_description(oid, 'pg_class') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


def _catalog(connection: Connection) -> dict[str, set[tuple[Any, ...]]]:
    """Return all that can be said of our tables, but the order of their columns."""
    queries = {"columns": COLUMNS, "constraints": CONSTRAINTS, "indexes": INDEXES, "comments": COMMENTS}
    ours = {*metadata.tables}
    return {name: {row for row in rows(connection, query) if row[0] in ours} for name, query in queries.items()}


def test_revisions_make_exactly_the_tables_of_the_code(connection: Connection, postgres_url: str) -> None:
    """Alembic's own comparison sees no CHECK, no predicate of an index, and no name of a constraint."""
    from sqlalchemy import create_engine

    from tests.support.postgres import sqlalchemy_url

    engine: Engine = create_engine(sqlalchemy_url(postgres_url))
    metadata.create_all(engine)
    engine.dispose()
    with connect(postgres_url) as made_by_the_code:
        assert _catalog(connection) == _catalog(made_by_the_code)


def test_every_revision_can_be_undone_and_done_again(postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        rows(connection, TABLE)
    for revision in REVISIONS:
        migrate.upgrade(postgres_url, str(revision.down_revision or "base"))
        before = dump(postgres_url)
        migrate.upgrade(postgres_url, revision.revision)
        after = dump(postgres_url)
        migrate.downgrade(postgres_url, str(revision.down_revision or "base"))
        # The table of Alembic's own stays.
        assert _without_version(dump(postgres_url)) == _without_version(before), revision
        migrate.upgrade(postgres_url, revision.revision)
        assert dump(postgres_url) == after, revision


def _without_version(schema: str) -> str:
    return re.sub(r"(CREATE|ALTER) TABLE (ONLY )?public\.sluice_version[^;]*;\n\n?", "", schema).rstrip()


def test_schema_file_is_what_the_revisions_make(connection: Connection, database_url: str) -> None:
    if one(connection, "SHOW server_version_num")[:2] != "18":
        pytest.skip("the file is in the words of the embedded Postgres, and TEST_DATABASE_URL is of another version")
    written = (FOLDER / "schema.sql").read_text(encoding="utf-8")
    assert dump(database_url) == written, "run `python -m migrations.dump > migrations/schema.sql`"


def test_revisions_are_one_line_of_numbers() -> None:
    numbers = [f"{number:04}" for number in range(1, len(REVISIONS) + 1)]
    assert [revision.revision for revision in REVISIONS] == numbers
    assert [revision.down_revision for revision in REVISIONS] == [None, *numbers[:-1]]


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.revision)
def test_revision_says_why_in_which_order_and_with_which_lock(revision: Any) -> None:  # noqa: ANN401 - Alembic's Script
    assert re.search(r"^Why: .+", revision.longdoc, re.MULTILINE)
    assert re.search(r"^Order: (before|after) the code\.", revision.longdoc, re.MULTILINE)
    assert re.search(r"^Lock: .+", revision.longdoc, re.MULTILINE)
