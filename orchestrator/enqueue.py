"""Which configs are due, and what becomes of each slot. Rows in, rows out; the two entry points touch the store."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from orchestrator.check import Checked, ConfigError, check
from orchestrator.model import Alert, AlertKind, CatchUp, RunState, Schedule, Trigger, run_id
from orchestrator.schedule import Skipped, first_slot, next_slot, resume, slots_due

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import RowMapping

    from orchestrator.spec import Defaults
    from orchestrator.store import Store

log = structlog.get_logger()


@dataclass(slots=True)
class Enqueued:
    """What this tick made of changed and due configs."""

    plans: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    slots: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)
    """Configs whose schedule cannot be followed although it was checked, say by another version of ours."""
    new: int = 0
    """Rows that were not there before."""


def plan_changed(store: Store, defaults: Defaults, *, now: datetime) -> Enqueued:
    """Look at every config that a person has touched: check it, and compute its next slot or quarantine it."""
    done = Enqueued()
    for row in store.changed_configs():
        _plan(row, defaults, done, now=now)
    if done.plans:
        store.plan_configs(done.plans, now=now)
        store.keep_earlier_runs([plan for plan in done.plans if plan["kept_identity"]])
        done.new = store.enqueue_runs(done.runs, now=now) if done.runs else 0
        store.insert_alerts(done.alerts, now=now)
    return done


def enqueue_due(store: Store, *, now: datetime) -> Enqueued:
    """Turn every slot that has come into a row of `runs`, and move each watermark on."""
    done = Enqueued()
    for row in store.due_configs(now=now):
        try:
            _enqueue(row, done, now=now)
        except ValueError:
            done.unclear.append(row["config_id"])
    if done.unclear:
        store.look_again(done.unclear)
    if done.slots:
        done.new = store.enqueue_runs(done.runs, now=now)
        store.advance_slots(done.slots)
    return done


def _plan(row: RowMapping, defaults: Defaults, done: Enqueued, *, now: datetime) -> None:
    plan = {
        "config_id": row["id"],
        "next_slot_at": None,
        "grid_at": row["grid_at"],
        "schedule": row["schedule"],
        "paused_from_at": row["paused_from_at"],
        "identity": row["identity"],
        "kept_identity": row["identity"] if row["keep_cursor"] else None,
        "reset_cursor": False,
        "quarantine_reason": None,
    }
    done.plans.append(plan)
    try:
        checked = _checked(row["config"], defaults)
    except ConfigError as error:
        plan["quarantine_reason"] = str(error)
        if row["quarantine_reason"] != str(error):
            done.alerts.append(_quarantine_alert(row, str(error), now=now))
        return
    is_other = row["identity"] != checked.identity
    plan["reset_cursor"] = is_other and not (row["keep_cursor"] and row["identity"])
    plan["identity"] = checked.identity
    _plan_slots(row, checked, plan, done, now=now)


def _checked(config: str, defaults: Defaults) -> Checked:
    """Check a row of `load_configs`, as JSON. Whatever goes wrong is that row's fault: none may end a tick."""
    try:
        return check({**json.loads(config), **defaults.frozen()})
    except ConfigError:
        raise
    except Exception as error:
        log.exception("config could not be checked")
        message = f"config: expected values that can be read, got {type(error).__name__}: {error}; correct the row"
        raise ConfigError(message) from error


def _plan_slots(row: RowMapping, checked: Checked, plan: dict[str, Any], done: Enqueued, *, now: datetime) -> None:
    """A new schedule starts a new grid; a paused config remembers since when; a resumed one goes to its next slot."""
    same_schedule = row["schedule"] == row["schedule_text"]
    if not row["is_active"]:
        plan["paused_from_at"] = row["paused_from_at"] or row["next_slot_at"]
    elif not same_schedule:
        plan["paused_from_at"] = None
        since = row["changed_at"]
        plan["schedule"], plan["grid_at"] = row["schedule_text"], since
        new = row["schedule"] is None
        soonest = first_slot(checked.schedule, created_at=since)
        plan["next_slot_at"] = soonest if new else next_slot(checked.schedule, after=now, anchor=since)
    elif row["paused_from_at"]:
        plan["paused_from_at"] = None
        resumed = resume(checked.schedule, since=row["paused_from_at"], now=now)
        plan["next_slot_at"] = resumed.next_slot_at
        if resumed.skipped:
            done.runs.append(_skipped(row["namespace"], row["id"], row["name"], resumed.skipped))
    elif row["next_slot_at"] is None:
        plan["next_slot_at"] = next_slot(checked.schedule, after=now, anchor=row["grid_at"] or now)
    else:
        plan["next_slot_at"] = row["next_slot_at"]


def _enqueue(row: RowMapping, done: Enqueued, *, now: datetime) -> None:
    schedule = Schedule(row["run_every"], row["cron"], row["timezone"])
    catch_up = CatchUp(row["catch_up"])
    due = slots_due(schedule, catch_up, since=row["next_slot_at"], now=now, busy=row["busy"])
    done.slots.append({"config_id": row["config_id"], "next_slot_at": due.next_slot_at})
    identity = row["namespace"], row["config_id"], row["name"]
    if due.skipped:
        done.runs.append(_skipped(*identity, due.skipped))
    done.runs.extend(_queued(*identity, at, row) for at in due.slots)


def _queued(namespace: uuid.UUID, config_id: int, name: str, at: datetime, row: RowMapping) -> dict[str, Any]:
    return {
        **_row(namespace, config_id, name, at),
        "state": RunState.QUEUED,
        "priority": row["priority"],
        "pool": row["pool"],
    }


def _skipped(namespace: uuid.UUID, config_id: int, name: str, skipped: Skipped) -> dict[str, Any]:
    return {
        **_row(namespace, config_id, name, skipped.first_at),
        "state": RunState.SKIPPED,
        "reason": skipped.reason,
        "skipped_slots": skipped.count,
        "priority": 0,
    }


def _row(namespace: uuid.UUID, config_id: int, name: str, at: datetime) -> dict[str, Any]:
    slot = run_id(namespace, Trigger.SCHEDULE, at.isoformat())
    return {"id": slot, "config_id": config_id, "config_name": name, "slot_at": at}


def _quarantine_alert(row: RowMapping, reason: str, *, now: datetime) -> Alert:
    return Alert(
        key=f"{AlertKind.QUARANTINE}/{row['id']}/{uuid.uuid5(uuid.NAMESPACE_OID, reason)}/{now.isoformat()}",
        kind=AlertKind.QUARANTINE,
        config_id=row["id"],
        config_name=row["name"],
        channel=row["slack_channel"],
        fingerprint="",
        body={
            "error_kind": "configuration",
            "error": reason,
            "advice": f"Correct the row, then `sluice configs check {row['name']}`; it is not scheduled until then.",
            "ended_at": now.isoformat(),
        },
    )
