"""Rows of `load_configs`, as an admin writes them: by plain SQL, with only what a test is about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

SHEET_URL = "https://docs.google.com/spreadsheets/d/1abc/edit"
_DEFAULTS = {
    "kind": "google_sheet",
    "source": {"url": SHEET_URL},
    "destination_dataset": "raw",
    "destination_table": "t",
    "run_every": "1 hour",
}


def add_config(engine: Engine, name: str = "sheet", **columns: Any) -> int:  # noqa: ANN401 - columns of any type
    """Insert a config and return its id."""
    with engine.begin() as connection:
        return insert_config(connection, name, **columns)


def insert_config(connection: Connection, name: str, **columns: Any) -> int:  # noqa: ANN401 - columns of any type
    """Insert a config in the caller's transaction."""
    row = {"name": name, **_DEFAULTS, "destination_table": name, **columns}
    if row.get("cron"):
        row["run_every"] = None
    values = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in row.items()}
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    config_id: int = connection.execute(
        text(f"insert into load_configs ({names}) values ({places}) returning id"), values
    ).scalar_one()
    return config_id


def execute(engine: Engine, statement: str, **values: object) -> None:
    """Run one statement in its own transaction, as an admin's psql does."""
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def rows(engine: Engine, query: str, **values: object) -> list[dict[str, Any]]:
    """Return what a query gives."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(query), values).mappings()]
