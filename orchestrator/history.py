"""Runs as the API and the CLI handle them: asked for, looked at, cancelled."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.check import ConfigError, check
from orchestrator.config_form import ConfigForm
from orchestrator.configs import Configs, written
from orchestrator.errors import NotFound, Refused
from orchestrator.model import ENDED, RunState, Trigger, run_id
from orchestrator.sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection, CursorResult, RowMapping

    from orchestrator.spec import Defaults


_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first, and where the next ones begin."""

    runs: Sequence[RowMapping]
    next: tuple[datetime, uuid.UUID] | None


class History:
    """The runs, through a connection; transactions are the caller's."""

    def __init__(self, connection: Connection, defaults: Defaults) -> None:
        """Speak through this connection."""
        self._connection = connection
        self._defaults = defaults

    def _run(self, name: str, **values: object) -> CursorResult[Any]:
        return self._connection.execute(queries("history")[name], values)

    def page(
        self,
        *,
        config_id: int | None = None,
        states: Sequence[RunState] | None = None,
        before: tuple[datetime, uuid.UUID] | None = None,
        limit: int = 20,
    ) -> Page:
        """Return a page of runs, newest first."""
        at, before_id = before or (None, None)
        wanted = [str(state) for state in states] if states else None
        rows = (
            self._run(
                "list_runs", config_id=config_id, states=wanted, before_at=at, before_id=before_id, limit=limit + 1
            )
            .mappings()
            .all()
        )
        if len(rows) <= limit:
            return Page(rows, None)
        last = rows[limit - 1]
        return Page(rows[:limit], (last["queued_at"], last["id"]))

    def find(self, run: str) -> RowMapping:
        """Return a run by its id or the beginning of it.

        Raises:
            NotFound: there is none, or there are several.
        """
        rows = self._run("find_run", **_between(run)).mappings().all() if _is_id(run) else []
        if len(rows) != 1:
            what = "which several runs have" if rows else "which is none"
            message = f"run: expected an id, or its beginning, got {run!r}, {what}; see `sluice runs list`"
            raise NotFound(message)
        return rows[0]

    def some(self, ids: Iterable[uuid.UUID]) -> Sequence[RowMapping]:
        """Return these runs, in the order in which they were asked for."""
        return self._run("runs_of_ids", ids=[str(run) for run in ids]).mappings().all()

    def not_ended(self) -> Sequence[uuid.UUID]:
        """Return the runs that are waiting or live."""
        return self._run("not_ended").scalars().all()

    def request(self, config: str, *, requested_by: str, key: str | None = None) -> uuid.UUID:
        """Ask for a run of a config now; it queues behind what is live. The same `key` again is the same run.

        Raises:
            NotFound: there is no such config.
            Refused: it is quarantined.
        """
        return self._request(config, Trigger.MANUAL, {}, requested_by=requested_by, key=key)

    def backfill(
        self, config: str, start_date: date, end_date: date, *, requested_by: str, key: str | None = None
    ) -> uuid.UUID:
        """Ask for a load of these days, both included. It never moves the cursor.

        Raises:
            NotFound: there is no such config.
            Refused: its kind has no range, or the days are in the wrong order, or it is quarantined.
        """
        if end_date < start_date:
            message = f"end_date: expected {start_date} or later, got {end_date}; swap them"
            raise Refused(message)
        row = Configs(self._connection, self._defaults).find(config)
        if not self._has_range(row):
            message = (
                f"{row['name']}: expected a kind with a range of days for a backfill, got {row['kind']}; run it instead"
            )
            raise Refused(message)
        days = {"start_date": start_date.isoformat(), "end_date": end_date.isoformat()}
        return self._request(config, Trigger.BACKFILL, days, requested_by=requested_by, key=key)

    def cancel(self, run: str) -> RunState:
        """Cancel a run, or ask for it; return the state it is in now.

        Raises:
            NotFound: there is no such run.
            Refused: it has ended.
        """
        row = self.find(run)
        state = self._run("cancel_run", id=row["id"]).scalar()
        if state is None:
            message = f"run {row['id']}: expected one that has not ended, got one that is {row['state']}"
            raise Refused(message)
        return RunState(state)

    def status(self) -> RowMapping:
        """Return one look at everything."""
        return self._run("status").mappings().one()

    def troubled_configs(self, limit: int = 20) -> Sequence[RowMapping]:
        """Return configs in quarantine, or failing."""
        return self._run("troubled_configs", limit=limit).mappings().all()

    def unfinished_by_state(self) -> dict[str, int]:
        """Count what has not ended."""
        return _by_state(self._run("unfinished_by_state"))

    def recent_ends(self) -> dict[str, int]:
        """Count the ends of the last hour that ticks saw, by state."""
        return _by_state(self._run("recent_ends"))

    def dead_alerts(self, limit: int = 20) -> Sequence[RowMapping]:
        """Return messages that will never arrive."""
        return self._run("dead_alerts", limit=limit).mappings().all()

    def _has_range(self, row: RowMapping) -> bool:
        try:
            return check({**ConfigForm.read(written(row)).frozen(), **self._defaults.frozen()}).has_range
        except ConfigError as error:
            raise Refused(str(error)) from None

    def _request(
        self, config: str, trigger: Trigger, parameters: Mapping[str, Any], *, requested_by: str, key: str | None
    ) -> uuid.UUID:
        row = Configs(self._connection, self._defaults).find(config)
        if row["quarantine_reason"]:
            message = f"{row['name']}: expected a config that works, got one in quarantine: {row['quarantine_reason']}"
            raise Refused(message)
        asked = run_id(row["namespace"], trigger, key or str(uuid.uuid4()))
        inserted = self._run(
            "request_run",
            id=asked,
            config_id=row["id"],
            config_name=row["name"],
            trigger=trigger,
            parameters=json.dumps(parameters),
            priority=row["priority"],
            pool=row["pool"],
            requested_by=requested_by,
        )
        if not inserted.rowcount and self.find(str(asked))["parameters"] != parameters:
            raise Refused(
                f"idempotency key: expected a new one for another range of days, got {key!r} again; change it"
            )
        return asked


def _by_state(counted: CursorResult[Any]) -> dict[str, int]:
    return {row["state"]: int(row["count"]) for row in counted.mappings()}


def ended(row: RowMapping) -> bool:
    """Tell whether a run has ended."""
    return RunState(row["state"]) in ENDED


def _is_id(text: str) -> bool:
    digits = text.replace("-", "").lower()
    return 0 < len(digits) <= _DIGITS and set(digits) <= set("0123456789abcdef")


def _between(text: str) -> dict[str, uuid.UUID]:
    """The first and the last id that begin so: an index finds them, a LIKE would read the whole history."""
    digits = text.replace("-", "")
    return {"first": uuid.UUID(digits.ljust(_DIGITS, "0")), "last": uuid.UUID(digits.ljust(_DIGITS, "f"))}
