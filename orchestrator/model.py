"""What the orchestrator talks about: plain values, no I/O.

The vocabulary is the database's too: every enum's value is what a CHECK in `orchestrator.tables` allows.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from worker.contract.run_spec import RunSpec

Handle = NewType("Handle", str)
"""What a launcher needs to find an execution again; opaque to everyone else."""


class CatchUp(StrEnum):
    """What becomes of slots that no tick saw in time."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


class Trigger(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"


class RunState(StrEnum):
    """Where a run is; the comment names what brings it there."""

    QUEUED = "queued"  # enqueued, or waiting for its next attempt
    LAUNCHING = "launching"  # claimed: the intent is committed, the launcher may have been called
    RUNNING = "running"  # the launcher answered with a handle
    SUCCEEDED = "succeeded"  # the fence holder's report, and a completed execution
    FAILED = "failed"  # no attempt is left
    CANCELLED = "cancelled"  # asked for, and confirmed
    REJECTED = "rejected"  # a configuration error, never tried again
    SKIPPED = "skipped"  # a slot that was not run; `reason` says why


TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.LAUNCHING, RunState.CANCELLED, RunState.REJECTED}),
    RunState.LAUNCHING: frozenset(
        {
            RunState.RUNNING,
            RunState.QUEUED,
            RunState.SUCCEEDED,
            RunState.FAILED,
            RunState.CANCELLED,
            RunState.REJECTED,
        }
    ),
    RunState.RUNNING: frozenset(
        {
            RunState.RUNNING,
            RunState.QUEUED,
            RunState.SUCCEEDED,
            RunState.FAILED,
            RunState.CANCELLED,
            RunState.REJECTED,
        }
    ),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.REJECTED: frozenset(),
    RunState.SKIPPED: frozenset(),
}
"""The transition table. `running -> running` hands a run to the execution that holds its fence."""

ENDED = frozenset(state for state, after in TRANSITIONS.items() if not after)


class SkipReason(StrEnum):
    """Why a slot was recorded and not run."""

    OVERLAP = "overlap"  # the config was live, or had a run waiting
    MISFIRE = "misfire"  # later than the grace of catch_up `none`
    PAUSED = "paused"  # the config was not active
    MERGED = "merged"  # covered by the latest slot of an outage


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often: `run_every`, or `cron` in `timezone`, or neither (on demand only)."""

    run_every: timedelta | None = None
    cron: str | None = None
    timezone: str = "UTC"


def run_id(namespace: uuid.UUID, trigger: Trigger, what: str) -> uuid.UUID:
    """Derive a run's id, so that the same slot asked for twice is the same run.

    `namespace` is the config's own (a config deleted and made again is another one); `what` is the slot's instant in
    ISO 8601 UTC, or the idempotency key of a manual run or backfill.
    """
    return uuid.uuid5(namespace, f"{trigger}/{what}")


@dataclass(frozen=True, slots=True)
class Run:
    """A row of `runs` that is or was launched: what deciding its next state needs."""

    id: uuid.UUID
    config_id: int | None
    config_name: str
    trigger: Trigger
    state: RunState
    attempt: int
    max_attempts: int
    timeout: timedelta
    slot_at: datetime | None
    spec: RunSpec
    handle: Handle | None
    launch_deadline_at: datetime | None
    cancel_requested_at: datetime | None
    started_at: datetime | None
    queued_at: datetime
    may_have_published: bool = True
    fault: str | None = None
    """Why nothing can be launched for it: this version cannot read what was frozen; `spec` has only its folder."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a config has gone, as its live run finds it."""

    failures: int = 0
    """In a row, up to now."""
    alert_after: int = 1
    channel: str | None = None
    incident_id: uuid.UUID | None = None
    last_success_at: datetime | None = None


class Phase(StrEnum):
    """What a launcher knows of an execution."""

    RUNNING = "running"
    FINISHED = "finished"
    VANISHED = "vanished"  # gone, and nobody knows how it ended
    UNKNOWN = "unknown"  # could not be looked at: changes nothing


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one execution. `exit_code` is set exactly when the phase is `finished`."""

    phase: Phase
    exit_code: int | None = None
    detail: str = ""
    log_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt did not succeed, in words for a person."""

    kind: str
    text: str
    retryable: bool
    fingerprint: str = ""
    """Equal for the same cause in other configs."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a run's state, applied only if the run still is in `leaves` with this `attempt`."""

    run_id: uuid.UUID
    attempt: int
    leaves: RunState
    enters: RunState
    failure: Failure | None = None
    not_before: datetime | None = None
    handle: Handle | None = None
    rows: int | None = None
    bytes: int | None = None
    cursor_after: Any = None
    log_uri: str | None = None
    warnings: tuple[str, ...] = ()
    schema_changes: tuple[str, ...] = ()
    may_have_published: bool | None = None
    """None: as it was."""

    def __post_init__(self) -> None:
        """Refuse what the transition table does not allow."""
        if self.enters not in TRANSITIONS[self.leaves]:
            allowed = sorted(TRANSITIONS[self.leaves])
            message = f"run {self.run_id}: expected one of {allowed} after {self.leaves}, got {self.enters}"
            raise ValueError(message)


_ALERTS = uuid.UUID("6f0d0fc4-9f5e-5d6a-9d2e-0f3f1f9f5a11")


class AlertKind(StrEnum):
    """What a message is about."""

    FAILURE = "failure"
    FAILED_AGAIN = "failed_again"
    RECOVERY = "recovery"
    QUARANTINE = "quarantine"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Alert:
    """A message for a person, written in the transaction of what it tells about.

    `key` is unique: the same event is told once. `fingerprint` groups the same cause across configs of one tick.
    """

    key: str
    kind: AlertKind
    config_id: int | None
    config_name: str
    channel: str | None
    fingerprint: str
    body: dict[str, Any] = field(default_factory=dict)
    thread_of: uuid.UUID | None = None

    @property
    def id(self) -> uuid.UUID:
        """Derived from the key."""
        return uuid.uuid5(_ALERTS, self.key)
