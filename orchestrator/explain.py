"""What a tick would do, per config, and why. Pure: it renders what the rolled-back transaction decided."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.model import RunState, Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import RowMapping

    from orchestrator.claim import Claimed
    from orchestrator.model import Run, Transition
    from orchestrator.settle import Settled
    from orchestrator.tick import TickSettings

_SECRET_IN_URL = re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)")
_SECRET_NAME = re.compile(
    r'("[^"]*(?:password|secret|token|api_?key)[^"]*"\s*:\s*)"(?!(?:secret|env|file)://)[^"]*"', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One line of a dry run."""

    config_id: int | None
    config: str
    action: str
    """launch, wait, settle, skip, quarantine, reject, follow or idle."""
    why: str
    slot_at: datetime | None = None
    run_id: str | None = None
    attempt: int | None = None
    environment: dict[str, str] = field(default_factory=dict)
    """What the execution would get, secrets redacted."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the database would hold after the tick."""

    launching: Sequence[Run]
    waiting: Sequence[RowMapping]
    idle: Sequence[RowMapping]


def explain(
    settled: Settled,
    skipped: Sequence[Mapping[str, Any]],
    claimed: Claimed,
    outlook: Outlook,
    settings: TickSettings,
    *,
    now: datetime,
) -> list[Explanation]:
    """Say what happens to every config; one may have several lines."""
    lines = [_settled(run, transition) for run, transition in settled.transitions]
    lines += [_skipped(row) for row in skipped]
    lines += [_launch(run, "claimed") for run in outlook.launching]
    lines += [_launch(run, "its launch was never answered: the same attempt again") for run in claimed.again]
    lines += [_hopeless(row) for row in claimed.hopeless]
    lines += [_waiting(row, settings, now=now) for row in outlook.waiting]
    told = {line.config_id for line in lines if line.action in {"launch", "wait"}}
    lines += [_idle(row) for row in outlook.idle if row["id"] not in told]
    return lines


def redact(text: str) -> str:
    """Take out what looks like a secret; references to secrets stay."""
    return _SECRET_NAME.sub(r'\1"***"', _SECRET_IN_URL.sub("***", text))


def _launch(run: Run, why: str) -> Explanation:
    due = f"due since {run.slot_at.isoformat()}" if run.slot_at else f"asked for ({run.trigger})"
    if run.attempt > 1 and why == "claimed":
        why = f"attempt {run.attempt} of {run.max_attempts}"
    if run.fault:
        return Explanation(run.config_id, run.config_name, "reject", run.fault, run.slot_at, str(run.id), run.attempt)
    environment = {name: redact(value) for name, value in run.spec.to_env().items()}
    reason = due if why == "claimed" else f"{due}; {why}"
    return Explanation(
        run.config_id, run.config_name, "launch", reason, run.slot_at, str(run.id), run.attempt, environment
    )


def _settled(run: Run, transition: Transition) -> Explanation:
    why = f"{transition.leaves} → {transition.enters}"
    if transition.failure:
        why += f": {redact(transition.failure.text)}"
    if transition.enters is RunState.QUEUED and transition.not_before:
        why += f"; tried again at {transition.not_before.isoformat()}"
    return Explanation(run.config_id, run.config_name, "settle", why, run.slot_at, str(run.id), run.attempt)


def _skipped(row: Mapping[str, Any]) -> Explanation:
    count = row["skipped_slots"]
    slots = "slot" if count == 1 else f"{count} slots"
    return Explanation(row["config_id"], row["config_name"], "skip", f"{slots}: {row['reason']}", row["slot_at"])


def _hopeless(row: RowMapping) -> Explanation:
    why = row["quarantine_reason"] or "its config was deleted"
    return Explanation(None, row["config_name"], "reject", why, run_id=str(row["id"]))


def _waiting(row: RowMapping, settings: TickSettings, *, now: datetime) -> Explanation:
    return Explanation(
        row["config_id"],
        row["config_name"],
        "wait",
        _why_waiting(row, settings, now=now),
        row["slot_at"],
        str(row["id"]),
        row["attempt"] + 1,
    )


def _why_waiting(row: RowMapping, settings: TickSettings, *, now: datetime) -> str:
    if row["not_before_at"] and row["not_before_at"] > now:
        return f"its next attempt is at {row['not_before_at'].isoformat()}"
    if row["behind_live"]:
        return "another run of this config is live"
    if not row["is_active"] and row["trigger"] == Trigger.SCHEDULE:
        return "the config is paused"
    pool = f", or of pool {row['pool']}" if row["pool"] else ""
    return f"the limit of {settings.max_parallel_jobs} parallel jobs{pool} is reached"


def _idle(row: RowMapping) -> Explanation:
    if row["live_run"]:
        why = f"{row['live_state']} already"
        return Explanation(row["id"], row["name"], "follow", why, run_id=str(row["live_run"]))
    if row["quarantine_reason"]:
        return Explanation(row["id"], row["name"], "quarantine", row["quarantine_reason"])
    if not row["is_active"]:
        return Explanation(row["id"], row["name"], "idle", "paused")
    if row["next_slot_at"] is None:
        return Explanation(row["id"], row["name"], "idle", "on demand only")
    return Explanation(
        row["id"], row["name"], "idle", f"not due until {row['next_slot_at'].isoformat()}", row["next_slot_at"]
    )
