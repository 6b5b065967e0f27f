"""The tick's database: one short method per block of `sql/tick.sql`, of the same name. No decision is made here."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestrator.check import sentences
from orchestrator.model import ENDED, Handle, Health, Run, RunState, Transition, Trigger
from orchestrator.spec import run_spec
from orchestrator.sql import queries
from worker.contract.options import OptionsError
from worker.contract.run_folder import run_folder_url
from worker.contract.run_spec import RunSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, RowMapping

    from orchestrator.decide import Outcome
    from orchestrator.model import Alert
    from orchestrator.spec import Defaults

MOST_PER_TICK = 20_000
"""Configs that one tick plans or enqueues at the most; the others are next."""

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""As JSON escapes it; with a backslash more it is text that spells it."""


class Store:
    """Runs the tick's SQL on a connection; transactions are the caller's."""

    def __init__(self, connection: Connection) -> None:
        """Speak through this connection."""
        self._connection = connection

    def _run(self, name: str, **values: object) -> CursorResult[Any]:
        return self._connection.execute(queries("tick")[name], values)

    def set_lock_timeout(self, timeout: timedelta) -> None:
        """Wait no longer than this for any lock in this transaction."""
        self._run("set_lock_timeout", milliseconds=str(int(timeout.total_seconds() * 1000)))

    def lock_tick(self) -> None:
        """Wait until no other tick is in its transaction, and keep others out until this one ends."""
        self._run("lock_tick")

    def clock(self) -> datetime:
        """Return the database's time."""
        now: datetime = self._run("clock").scalar_one()
        return now

    def live_runs(self, only: Iterable[uuid.UUID] | None = None) -> list[tuple[Run, Health]]:
        """Return the runs that a launcher may be working on (only these, if given), with their configs' health."""
        wanted = None if only is None else [str(run_id) for run_id in only]
        return [(_run(row), _health(row)) for row in self._run("live_runs", only=wanted).mappings()]

    def record_transitions(self, transitions: Sequence[Transition], *, now: datetime) -> set[uuid.UUID]:
        """Apply transitions whose run still is where they leave it; return the ids of those that were."""
        rows = _json([_transition_row(transition) for transition in transitions])
        return set(self._run("record_transitions", transitions=rows, now=now).scalars())

    def record_health(self, outcomes: Mapping[uuid.UUID, Outcome], *, now: datetime) -> None:
        """Apply what ended runs do to their configs."""
        rows = [
            {"run_id": run_id, "failures": o.failures, "incident_id": o.incident_id, "fresh": o.fresh}
            for run_id, o in outcomes.items()
        ]
        self._run("record_health", health=_json(rows), now=now)

    def insert_alerts(self, alerts: Iterable[Alert], *, now: datetime) -> None:
        """Put messages into the outbox; an event that was told already is not told again."""
        self._run("insert_alerts", alerts=_json([{"id": alert.id, **asdict(alert)} for alert in alerts]), now=now)

    def changed_configs(self, most: int = MOST_PER_TICK) -> Sequence[RowMapping]:
        """Take the configs that a person has touched, locked, with their states."""
        return self._run("changed_configs", most=most).mappings().all()

    def plan_configs(self, plans: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
        """Write what looking at changed configs came to."""
        self._run("plan_configs", plans=_json(plans), now=now)

    def keep_earlier_runs(self, plans: Sequence[Mapping[str, Any]]) -> None:
        """Let what runs of a config did before an edit go on to count, where the edit keeps the cursor."""
        if plans:
            self._run("keep_earlier_runs", plans=_json(plans))

    def due_configs(self, *, now: datetime, most: int = MOST_PER_TICK) -> Sequence[RowMapping]:
        """Return the configs with a slot that has come, locked."""
        return self._run("due_configs", now=now, most=most).mappings().all()

    def look_again(self, config_ids: Sequence[int]) -> None:
        """Have the next tick check these configs anew."""
        self._run("look_again", config_ids=list(config_ids))

    def enqueue_runs(self, runs: Sequence[Mapping[str, Any]], *, now: datetime) -> int:
        """Record slots; one that is there already stays as it is. Return how many are new."""
        return self._run("enqueue_runs", runs=_json(runs), now=now).rowcount

    def advance_slots(self, slots: Sequence[Mapping[str, Any]]) -> None:
        """Move the watermark of what was scheduled."""
        self._run("advance_slots", slots=_json(slots))

    def end_hopeless_runs(self, *, now: datetime) -> Sequence[RowMapping]:
        """End runs that wait for a first attempt they will never get."""
        return self._run("end_hopeless_runs", now=now).mappings().all()

    def live_count(self) -> int:
        """Count the runs that count against the limit."""
        count: int = self._run("live_count").scalar_one()
        return count

    def claim_runs(
        self, free: int, *, defaults: Defaults, launch_within: timedelta, now: datetime
    ) -> Sequence[uuid.UUID]:
        """Claim at most so many runs for launching and freeze what they shall do; `live_runs` tells what."""
        frozen = _json(defaults.frozen())
        return self._run("claim_runs", free=free, defaults=frozen, launch_within=launch_within, now=now).scalars().all()

    def relaunch_runs(self, runs: Sequence[Run], *, launch_within: timedelta, now: datetime) -> set[uuid.UUID]:
        """Give launches that were never answered a new deadline; return those that may be launched again."""
        ids = [str(run.id) for run in runs]
        return set(self._run("relaunch_runs", run_ids=ids, launch_within=launch_within, now=now).scalars())

    def mark_launched(self, launched: Sequence[tuple[Run, Handle]]) -> set[uuid.UUID]:
        """Record the launcher's answers; return the runs that still waited for them."""
        rows = [{"run_id": run.id, "attempt": run.attempt, "handle": handle} for run, handle in launched]
        return set(self._run("mark_launched", launched=_json(rows)).scalars())

    def release_runs(self, runs: Sequence[Run]) -> None:
        """Put claimed runs back that nobody has launched."""
        rows = [
            {"run_id": run.id, "attempt": run.attempt, "launch_deadline_at": run.launch_deadline_at} for run in runs
        ]
        self._run("release_runs", runs=_json(rows))

    def stale_configs(self, *, now: datetime) -> Sequence[RowMapping]:
        """Mark and return configs whose data has become older than it may be."""
        return self._run("stale_configs", now=now).mappings().all()

    def waiting_runs(self) -> Sequence[RowMapping]:
        """Return every queued run, and what it may wait for."""
        return self._run("waiting_runs").mappings().all()

    def idle_configs(self) -> Sequence[RowMapping]:
        """Return every config with its next slot."""
        return self._run("idle_configs").mappings().all()

    def record_tick(self, started_at: datetime, seconds: float, counts: Mapping[str, int], *, complete: bool) -> None:
        """Write the row that `status` reads."""
        self._run(
            "record_tick",
            id=uuid.uuid4(),
            started_at=started_at,
            seconds=seconds,
            counts=_json(counts),
            complete=complete,
        )


def _json(value: object) -> str:
    """Render for a jsonb parameter, which cannot hold a NUL character."""
    return _NUL.sub(r"\1\\ufffd", json.dumps(value, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _run(row: RowMapping) -> Run:
    frozen = row["spec"]
    spec, fault = _spec(row, frozen)
    return Run(
        id=row["id"],
        config_id=row["config_id"],
        config_name=row["config_name"],
        trigger=Trigger(row["trigger"]),
        state=RunState(row["state"]),
        attempt=row["attempt"],
        max_attempts=frozen["max_attempts"],
        timeout=timedelta(seconds=float(frozen["timeout_seconds"])),
        slot_at=row["slot_at"],
        spec=spec,
        handle=row["handle"] and Handle(row["handle"]),
        launch_deadline_at=row["launch_deadline_at"],
        cancel_requested_at=row["cancel_requested_at"],
        started_at=row["started_at"],
        queued_at=row["queued_at"],
        may_have_published=row["may_have_published"],
        fault=fault,
    )


def _spec(row: RowMapping, frozen: Mapping[str, Any]) -> tuple[RunSpec, str | None]:
    """Return what the run shall do, or, of what this version cannot read, the folder and the reason."""
    try:
        spec = run_spec(
            frozen,
            run_id=row["id"],
            attempt=row["attempt"],
            slot_at=row["slot_at"],
            parameters=row["parameters"],
            cursor=row["cursor_before"],
        )
    except (OptionsError, ValidationError) as error:
        folder = run_folder_url(frozen["runs_url"], str(frozen["id"]), str(row["id"]))
        spec = RunSpec.model_construct(config_name=row["config_name"], dataset="", table="", run_folder=folder)
        return spec, "; ".join(sentences(error))
    return spec, None


def _health(row: RowMapping) -> Health:
    return Health(row["failures"], row["alert_after"], row["slack_channel"], row["incident_id"], row["last_success_at"])


def _transition_row(transition: Transition) -> dict[str, Any]:
    failure = transition.failure
    return {
        "run_id": transition.run_id,
        "attempt": transition.attempt,
        "leaves": transition.leaves,
        "enters": transition.enters,
        "error_kind": failure and failure.kind,
        "error": failure and failure.text,
        "not_before": transition.not_before,
        "handle": transition.handle,
        "rows": transition.rows,
        "bytes": transition.bytes,
        "cursor_after": transition.cursor_after,
        "log_uri": transition.log_uri,
        "notes": {"warnings": transition.warnings, "schema_changes": transition.schema_changes},
        "published": transition.may_have_published,
        "ended": transition.enters in ENDED,
    }
