"""Configs as the API and the CLI handle them: checked before they are written, so that nothing is quarantined later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from orchestrator.check import Checked, ConfigError, check
from orchestrator.config_form import ConfigForm
from orchestrator.errors import NotFound, Refused
from orchestrator.schedule import upcoming
from orchestrator.sql import queries
from orchestrator.tables import load_configs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from orchestrator.spec import Defaults

UPCOMING = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """What checking a config came to."""

    checked: Checked
    warnings: tuple[str, ...]
    upcoming: tuple[datetime, ...]
    """The first slots if it were written now."""


class Configs:
    """The admin's table, through a connection; transactions are the caller's."""

    def __init__(self, connection: Connection, defaults: Defaults) -> None:
        """Speak through this connection; `defaults` fill what configs leave open when they are checked."""
        self._connection = connection
        self._defaults = defaults

    def page(self, *, kind: str | None = None, after: str = "", limit: int = 100) -> Sequence[RowMapping]:
        """Return configs with their states, by name, from after a name."""
        query = queries("configs")["list_configs"]
        return self._connection.execute(query, {"kind": kind, "after": after, "limit": limit}).mappings().all()

    def find(self, name: str) -> RowMapping:
        """Return a config by name or id.

        Raises:
            NotFound: there is none.
        """
        row = self._connection.execute(queries("configs")["find_config"], {"name": name}).mappings().first()
        if row is None:
            message = f"config: expected a name or id, got {name!r}, which is neither; see `sluice configs list`"
            raise NotFound(message)
        return row

    def check(self, form: ConfigForm, *, config_id: int | None = None, now: datetime) -> Findings:
        """Check a config as a tick would, and warn of what a tick would not mind.

        Raises:
            ConfigError: with every fault.
        """
        checked = check({**form.frozen(), **self._defaults.frozen()})
        slots = upcoming(checked.schedule, after=now, anchor=now, count=UPCOMING)
        return Findings(checked, tuple(self._warnings(form, config_id)), tuple(slots))

    def create(self, form: ConfigForm, *, now: datetime) -> int:
        """Write a new config and return its id.

        Raises:
            ConfigError: it cannot work, or breaks a rule of the table.
            Refused: there is one of that name.
        """
        self.check(form, now=now)
        statement = sa.insert(load_configs).values(**_columns(form)).returning(load_configs.c.id)
        config_id: int = self._write(statement, form.name).scalar_one()
        return config_id

    def change(self, name: str, changes: Mapping[str, Any], *, now: datetime, keep_cursor: bool = False) -> None:
        """Change some fields of a config; the others stay.

        Raises:
            NotFound: there is no such config.
            ConfigError: it would not work any more.
        """
        row = self.find(name)
        form = ConfigForm.read({**form_of(dict(row)).model_dump(), **changes})
        self.check(form, config_id=row["id"], now=now)
        if keep_cursor:
            self._connection.execute(queries("configs")["keep_cursor"], {"id": row["id"]})
        statement = sa.update(load_configs).where(load_configs.c.id == row["id"]).values(**_columns(form))
        self._write(statement, form.name)

    def delete(self, name: str) -> str:
        """Delete a config; a live run of it is followed to its end.

        Raises:
            NotFound: there is no such config.
        """
        deleted: str = self._connection.execute(
            queries("configs")["delete_config"], {"id": self.find(name)["id"]}
        ).scalar_one()
        return deleted

    def _warnings(self, form: ConfigForm, config_id: int | None) -> list[str]:
        where = {
            "id": config_id,
            "project": form.destination_project,
            "dataset": form.destination_dataset,
            "table": form.destination_table,
        }
        others = self._connection.execute(queries("configs")["same_destination"], where).scalars().all()
        if not others or form.destination_table is None:
            return []
        names = ", ".join(others)
        return [f"destination_table: {form.destination_table} is written by {names}, too; give each a table of its own"]

    def _write(self, statement: sa.Insert | sa.Update, name: str) -> sa.CursorResult[Any]:
        try:
            with self._connection.begin_nested():
                return self._connection.execute(statement)
        except IntegrityError as error:
            rule = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or str(error.orig)
            if rule == "name_is_unique":
                message = f"name: expected one that is not taken, got {name!r}; choose another, or change that config"
                raise Refused(message) from None
            if rule == "pool_is_one_of_pools":
                message = "pool: expected one of the table `pools`, got another; insert it there first"
                raise ConfigError(message) from None
            message = f"expected that {rule.replace('_', ' ')}; correct it"
            raise ConfigError(message) from None


def form_of(row: Mapping[str, Any]) -> ConfigForm:
    """Return a row of `load_configs` as a person would have written it."""
    return ConfigForm.model_validate({name: row[name] for name in ConfigForm.model_fields})


def _columns(form: ConfigForm) -> dict[str, Any]:
    return form.model_dump()
