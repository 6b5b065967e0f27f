"""Configs as the API and the CLI handle them: checked before they are written, so that nothing is quarantined later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from orchestrator.check import Checked, ConfigError, check
from orchestrator.config_form import ConfigForm
from orchestrator.errors import NotFound, Refused
from orchestrator.schedule import upcoming
from orchestrator.spec import destination
from orchestrator.sql import queries
from orchestrator.tables import load_configs
from worker.contract.options import OptionsError, options_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from orchestrator.spec import Defaults

UPCOMING = 5
_TOLD = 5


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

    def every(self, *, kind: str | None = None) -> Iterator[RowMapping]:
        """Return all configs by name, read a page at a time."""
        after = ""
        while page := self.page(kind=kind, after=after):
            yield from page
            after = page[-1]["name"]

    def find(self, name: str) -> RowMapping:
        """Return a config by name or id.

        Raises:
            NotFound: there is none.
        """
        known = "\0" not in name  # which Postgres does not take
        query = queries("configs")["find_config"]
        row = self._connection.execute(query, {"name": name}).mappings().first() if known else None
        if row is None:
            message = f"config: expected a name or id, got {name!r}, which is neither; see `sluice configs list`"
            raise NotFound(message)
        return row

    def get(self, config_id: int) -> RowMapping:
        """Return a config by its id alone.

        Raises:
            NotFound: it is gone.
        """
        row = self._connection.execute(queries("configs")["get_config"], {"id": config_id}).mappings().first()
        if row is None:
            raise NotFound(
                f"config: expected an id, got {config_id}, which is none any more; see `sluice configs list`"
            )
        return row

    def find_by_name(self, name: str) -> RowMapping:
        """Return a config by its name alone.

        Raises:
            NotFound: there is none.
        """
        row = self.find(name)
        if row["name"] != name:
            raise NotFound(f"config: expected a name, got {name!r}, which is none; see `sluice configs list`")
        return row

    def check(self, form: ConfigForm, *, config_id: int | None = None, now: datetime) -> Findings:
        """Check a config as a tick would, and warn of what a tick would not mind.

        Raises:
            ConfigError: with every fault.
        """
        checked = check({**form.frozen(), **self._defaults.frozen()})
        slots = upcoming(checked.schedule, after=now, anchor=now, count=UPCOMING)
        return Findings(checked, tuple(self._warnings(checked, config_id)), tuple(slots))

    def check_written(self, name: str, *, now: datetime) -> Findings:
        """Check a config that is in the table.

        Raises:
            NotFound: there is no such config.
            ConfigError: with every fault.
        """
        row = self.find(name)
        return self.check(ConfigForm.read(written(row)), config_id=row["id"], now=now)

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

    def change(self, name: str, changes: Mapping[str, Any], *, now: datetime, keep_cursor: bool = False) -> int:
        """Change some fields of a config and return its id; the others stay.

        Raises:
            NotFound: there is no such config.
            ConfigError: it would not work any more.
        """
        row = self._locked(name)
        form = ConfigForm.read_changed(written(row), changes)
        self.check(form, config_id=row["id"], now=now)
        if keep_cursor:
            self._connection.execute(queries("configs")["keep_cursor"], {"id": row["id"]})
        statement = sa.update(load_configs).where(load_configs.c.id == row["id"]).values(**_columns(form))
        self._write(statement, form.name)
        return int(row["id"])

    def set_active(self, name: str, *, active: bool) -> str:
        """Pause or resume a config, also one that does not work; return its name.

        Raises:
            NotFound: there is no such config.
        """
        row = self.find(name)
        self._connection.execute(queries("configs")["set_active"], {"id": row["id"], "active": active})
        return str(row["name"])

    def delete(self, name: str) -> str:
        """Delete a config; a live run of it is followed to its end.

        Raises:
            NotFound: there is no such config.
        """
        config_id = self.find(name)["id"]
        deleted: str | None = self._connection.execute(queries("configs")["delete_config"], {"id": config_id}).scalar()
        return deleted or str(self.get(config_id)["name"])

    def _locked(self, name: str) -> RowMapping:
        """Find a config and keep others from changing it meanwhile: their change would be lost."""
        config_id = self.find(name)["id"]
        self._connection.execute(queries("configs")["lock_config"], {"id": config_id})
        return self.get(config_id)

    def _warnings(self, checked: Checked, config_id: int | None) -> list[str]:
        spec = checked.spec
        target = {"project": spec.project, "dataset": spec.dataset, "table": spec.table}
        others = self._connection.execute(queries("configs")["same_table"], {"id": config_id, "table": spec.table})
        names = [row["name"] for row in others.mappings() if self._target(row) == target]
        if not names:
            return []
        told = ", ".join(names[:_TOLD])
        return [f"destination_table: {spec.table} is written by {told}, too; give each a table of its own"]

    def _target(self, row: RowMapping) -> dict[str, str] | None:
        try:
            return destination({**row, **self._defaults.frozen()}, options_class(row["kind"]))
        except OptionsError:
            return None

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
            raise ConfigError(f"config: expected that {rule.replace('_', ' ')}, got another; correct it") from None
        except (DataError, ValueError) as error:  # ValueError: psycopg2 about a NUL character
            what = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise ConfigError(f"config: expected values that Postgres can hold, got: {what}; correct it") from None


def written(row: RowMapping) -> dict[str, Any]:
    """Return what a person has written of a row of `load_configs`, whether or not it makes sense."""
    return {name: row[name] for name in ConfigForm.model_fields}


def _columns(form: ConfigForm) -> dict[str, Any]:
    return form.model_dump()
