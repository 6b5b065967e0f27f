"""The page about `load_configs` names every column, with its type, its default and what refuses a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.tables import load_configs
from tests.migrations.sheet_table import rows

if TYPE_CHECKING:
    from tests.migrations.sheet_table import Connection

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference" / "config-columns.md"
COLUMNS = """
    SELECT a.attname, replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'),
           CASE
               WHEN a.attidentity <> '' THEN 'next number'
               WHEN d.oid IS NOT NULL THEN '`' || regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::\\w+$', '') || '`'
               WHEN a.attnotnull THEN 'required'
               ELSE ''
           END
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'load_configs'::regclass AND a.attnum > 0
"""
CONSTRAINTS = "SELECT conname FROM pg_constraint WHERE conrelid = 'load_configs'::regclass AND contype <> 'n'"
VIEW_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = 'sheet_to_bigquery_configs'::regclass AND attnum > 0"


def _table(text: str) -> list[list[str]]:
    """Return the cells of the rows that begin with a name."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")]


def test_page_has_every_column_with_its_type_and_default(connection: Connection) -> None:
    written = {(name.strip("`"), kind, default) for name, kind, default, *_ in _table(PAGE.read_text(encoding="utf-8"))}
    assert written == set(rows(connection, COLUMNS))


def test_page_names_every_constraint(connection: Connection) -> None:
    refused_by = [cells[-1] for cells in _table(PAGE.read_text(encoding="utf-8"))]
    written = {name for cell in refused_by for name in re.findall(r"`(\w+)`", cell)}
    assert written == {name for (name,) in rows(connection, CONSTRAINTS)}


def test_page_names_every_word_that_a_constraint_allows() -> None:
    page = PAGE.read_text(encoding="utf-8")
    conditions = [str(check.sqltext) for check in load_configs.constraints if hasattr(check, "sqltext")]
    words = {word for condition in conditions if " in (" in condition for word in re.findall(r"'(\w+)'", condition)}
    assert {word for word in words if f"`{word}`" not in page} == set()


def test_page_about_the_view_names_every_column_of_it(connection: Connection) -> None:
    page = (DOCS / "how-to" / "adopt-the-sheet-table.md").read_text(encoding="utf-8")
    assert {name for (name,) in rows(connection, VIEW_COLUMNS) if f"`{name}`" not in page} == set()
