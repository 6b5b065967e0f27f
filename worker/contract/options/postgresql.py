"""What a load from a PostgreSQL database may be told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from worker.contract import options
from worker.contract.run_spec import LoadMode

_REFERENCE = re.compile(r"^(env|file|secret)://.+$")
_NAME = r'("([^"]|"")+"|[^".]+)'
_TABLE = re.compile(rf"^({_NAME}\.)?{_NAME}$")
_SELECT = re.compile(r"^(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


def _only_a_reference(value: str) -> str:
    if not _REFERENCE.match(value):
        raise PydanticCustomError(
            options.SECRET_IN_CLEAR,
            "a reference to a connection string (env://NAME, file:///path or secret://...), never the string itself",
        )
    return value


def _one_or_two_names(value: str) -> str:
    if not _TABLE.match(value):
        raise ValueError("name or schema.name, as they are stored; a name that holds a dot in double quotes")
    return value


def _a_select(value: str) -> str:
    if not _SELECT.match(value):
        raise ValueError("one SELECT (or WITH, VALUES, TABLE)")
    return value


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        raise ValueError("each column once")
    return value


class Options(options.Options):
    """A table, a view or a query of a PostgreSQL database."""

    title: ClassVar[str] = "PostgreSQL database"
    modes: ClassVar[tuple[LoadMode, ...]] = (LoadMode.REPLACE, LoadMode.APPEND, LoadMode.MERGE)
    example: ClassVar[dict[str, Any]] = {
        "connection": "env://SHOP_DATABASE_URL",
        "table": "public.orders",
        "columns": ["id", "customer_id", "amount", "created_at"],
    }

    connection: Annotated[str, AfterValidator(_only_a_reference)]
    """Where the connection string is kept, such as `env://SHOP_DATABASE_URL`."""
    table: Annotated[str, AfterValidator(_one_or_two_names)] | None = None
    """A table or view, as `schema.name`, or a name that the search path finds; written as it is stored."""
    query: Annotated[str, AfterValidator(_a_select)] | None = None
    """One SELECT, instead of a table."""
    columns: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_each_once)] = ()
    """The columns to load, in this order; none named: all."""
    cursor_column: Annotated[str, Field(min_length=1)] | None = None
    """The column by which `append` and `merge` know what is new."""
    cursor_lag: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=31))] = timedelta(minutes=5)
    """How far behind the server's clock a window ends, if the cursor column is a time."""

    @model_validator(mode="after")
    def _table_or_query(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("exactly one of table and query")
        return self

    def identity(self) -> dict[str, Any]:
        """Return the options that say which rows these are; other columns of them are no reason to start anew."""
        return self.model_dump(mode="json", include={"connection", "table", "query", "cursor_column"})

    def check_mode(self, mode: LoadMode, merge_key: tuple[str, ...]) -> None:
        """Refuse a cursor column where all is replaced, and its absence where rows are added."""
        super().check_mode(mode, merge_key)
        if mode is LoadMode.APPEND and self.cursor_column is None:
            raise options.OptionsError(
                "source.cursor_column: expected the column that says which rows are new, since load_mode is append, "
                "got nothing; name it, or set load_mode to replace"
            )
        if mode is LoadMode.REPLACE and self.cursor_column is not None:
            raise options.OptionsError(
                "source.cursor_column: expected nothing, since load_mode is replace and reads every row, "
                f"got {self.cursor_column!r}; remove it, or set load_mode to append or merge"
            )
