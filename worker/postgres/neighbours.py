"""Names near one that is not there, so that an error says what was meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.postgres.session import Session

_TABLES = """
SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END AS name
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1
LIMIT 10000
"""


def near_tables(session: Session, written: str) -> str:
    """Say which tables are named nearly so, each by its own name and by its name with the schema."""
    with session.transaction():
        names = [row["name"] for row in session.fetch(_TABLES)]
    return did_you_mean(written, names)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Say what to do: the nearest names, if there are any, in whatever case, with or without a schema."""
    by_key: dict[str, str] = {}
    for other in names:
        by_key.setdefault(_key(other), other)
    near = get_close_matches(_key(name), by_key, n=3, cutoff=0.6)
    return f"name {' or '.join(by_key[key] for key in near)} instead" if near else "correct the name"


def _key(name: str) -> str:
    return name.casefold().rpartition(".")[2].strip('"')
