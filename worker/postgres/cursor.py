"""A cursor column: how far it has been loaded, and the window that comes next, in PostgreSQL's own text. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from worker.errors import ConfigurationError
from worker.postgres import relation
from worker.postgres.relation import literal

if TYPE_CHECKING:
    from worker.postgres.projection import Column

TIMES = frozenset({"timestamptz", "timestamp", "date"})
_SAME_ORDER = (frozenset({"int2", "int4", "int8", "numeric"}), frozenset({"text", "varchar"}))


@dataclass(frozen=True, slots=True)
class Window:
    """The rows with `after < cursor column <= up_to`; without `after`, all up to it."""

    after: str | None
    up_to: str

    def where(self, column: str) -> str:
        """Return the condition, for the server to compare: an untyped literal takes the column's type."""
        value = relation.column(column)
        lower = f"{value} > {literal(self.after)} AND " if self.after is not None else ""
        return f"WHERE {lower}{value} <= {literal(self.up_to)}"

    def to_json(self) -> dict[str, str | None]:
        """Return what the plan keeps."""
        return asdict(self)


def reached(column: Column, value: str) -> dict[str, str]:
    """Return the cursor of a config that is loaded up to this value."""
    return {"column": column.name, "type": column.type_name, "value": value}


def start(cursor: Any, column: Column) -> str | None:  # noqa: ANN401 - whatever the config's cursor is
    """Return the value after which to read, or None for everything.

    Raises:
        ConfigurationError: the cursor is of another column, or its values have another order now.
    """
    if cursor is None:
        return None
    kept = cursor if isinstance(cursor, dict) else {}
    if kept.get("column") != column.name or "value" not in kept or not _same_order(kept.get("type"), column.type_name):
        raise ConfigurationError(
            f"cursor: expected a value of {column.name} ({column.type_name}), got {cursor!r}; "
            "reset the config's cursor, or set it to such a value"
        )
    return str(kept["value"])


def _same_order(before: str | None, now: str) -> bool:
    return before == now or any({before, now} <= family for family in _SAME_ORDER)
