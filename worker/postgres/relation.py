"""What is read, as SQL: a table or a query, under the name `q`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

ALIAS = "q"
_NAME = re.compile(r'"(?:[^"]|"")+"|[^".]+')


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a query."""

    label: str
    """As messages name it: `table public.orders`, `query`."""
    sql: str
    """What stands behind FROM, without its alias."""
    table: str | None = None
    """The quoted name, if it is a table."""

    @property
    def from_clause(self) -> str:
        """Return `FROM … AS q`."""
        return f"FROM {self.sql} AS {ALIAS}"


def table(written: str) -> Relation:
    """Return the table `name` or `schema.name`; names are as they are stored, and are quoted here."""
    name = ".".join(quoted(_unquoted(part)) for part in _NAME.findall(written))
    return Relation(f"table {written}", name, name)


def query(written: str) -> Relation:
    """Return the query as a subselect; the line break ends a comment that the query may end with."""
    return Relation("query", f"({written.strip().rstrip(';')}\n)")


def quoted(name: str) -> str:
    """Quote a name."""
    return '"' + name.replace('"', '""') + '"'


def column(name: str) -> str:
    """Return a column of the relation."""
    return f"{ALIAS}.{quoted(name)}"


def literal(text: str) -> str:
    """Quote a text; it takes the type that its place asks for."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
