"""Rows as the API and `--json` show them."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.config_form import ConfigForm
from orchestrator.explain import redact
from orchestrator.model import RunState, Trigger

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from orchestrator.configs import Findings
    from orchestrator.history import History
    from orchestrator.tick import TickResult


class ConfigView(ConfigForm):
    """A config as it is in the database, and how it goes. It may be one that does not work: see `quarantine_reason`."""

    model_config = ConfigDict(extra="ignore", use_enum_values=True)

    id: int
    custom_schema: Any = None
    metadata_columns: Any = None
    created_at: datetime
    updated_at: datetime
    next_slot_at: datetime | None = None
    """When it is due next."""
    last_launched_at: datetime | None = None
    last_success_at: datetime | None = None
    last_rows: int | None = None
    """Rows of the last run that succeeded."""
    consecutive_failures: int = 0
    quarantine_reason: str | None = None
    """Why it is not scheduled until somebody corrects it."""
    cursor: Any = None
    """Where the next run starts."""

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Show a row, without what looks like a secret in its source."""
        return cls.model_validate({**row, "source": redacted(row["source"])})

    @property
    def condition(self) -> str:
        """How it is, in a word or two."""
        if self.quarantine_reason:
            return "quarantined"
        if not self.is_active:
            return "paused"
        return f"failing ({self.consecutive_failures})" if self.consecutive_failures else "ok"

    @classmethod
    def written(cls, row: RowMapping, *, defaults: bool = True) -> dict[str, Any]:
        """Return what a person has written of a row, or, without `defaults`, would have to write."""
        view = cls.model_validate(dict(row))
        return view.model_dump(mode="json", include=set(ConfigForm.model_fields), exclude_defaults=not defaults)


class ConfigPage(BaseModel):
    """Configs by name; `next` goes into `after` for those that follow."""

    configs: list[ConfigView]
    next: str | None = None


class CheckView(BaseModel):
    """What checking a config came to; one with a fault is answered with 422."""

    ok: bool = True
    warnings: list[str] = []
    upcoming: list[datetime] = []
    """The first slots if it were written now."""
    environment: dict[str, str] = {}
    """What a run of it would be told, secrets redacted."""

    @classmethod
    def of(cls, findings: Findings) -> Self:
        """Show the findings."""
        environment = {name: redact(value) for name, value in findings.checked.spec.to_env().items()}
        return cls(warnings=list(findings.warnings), upcoming=list(findings.upcoming), environment=environment)


class RunView(BaseModel):
    """A run."""

    id: uuid.UUID
    config: str
    config_id: int | None = None
    """None: the config was deleted."""
    trigger: Trigger
    parameters: dict[str, Any] = {}
    slot_at: datetime | None = None
    state: RunState
    reason: str | None = None
    skipped_slots: int | None = None
    """How many slots a skipped run stands for."""
    attempt: int
    rows: int | None = None
    bytes: int | None = None
    error_kind: str | None = None
    error: str | None = None
    not_before_at: datetime | None = None
    """When the next attempt may start."""
    queued_at: datetime
    launching_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    requested_by: str | None = None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Show a row."""
        return cls.model_validate({**row, "config": row["config_name"]})


class RunDetails(RunView):
    """A run, with all that is known about it."""

    handle: str | None = None
    """What the launcher started."""
    log_uri: str | None = None
    launch_deadline_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cursor_before: Any = None
    cursor_after: Any = None
    warnings: list[str] = []
    schema_changes: list[str] = []
    spec: dict[str, Any] | None = None
    """The config as it was frozen when the run was claimed, secrets redacted."""

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Show a row with all columns."""
        spec = redacted(row["spec"])
        return cls.model_validate({**row, **row["notes"], "config": row["config_name"], "spec": spec})


def redacted(value: Any) -> Any:  # noqa: ANN401 - JSON is what it is
    """Return JSON without what looks like a secret."""
    return json.loads(redact(json.dumps(value)))


class RunPage(BaseModel):
    """Runs, newest first; `next` goes into `before` for those that follow."""

    runs: list[RunView]
    next: str | None = None


class ExplanationView(BaseModel):
    """What a tick would do about one config, and why."""

    config_id: int | None
    config: str
    action: str
    why: str
    slot_at: datetime | None = None
    run_id: str | None = None
    attempt: int | None = None
    environment: dict[str, str] = {}
    """What the execution would be told, secrets redacted."""


class TickView(BaseModel):
    """What a tick did, or, for a dry run, would do."""

    started_at: datetime
    counts: dict[str, int] = {}
    complete: bool = True
    """False: the budget ended it, the next tick goes on."""
    live: int = 0
    explanations: list[ExplanationView] = Field(default_factory=list)

    @classmethod
    def of(cls, result: TickResult) -> Self:
        """Show what a tick came to; what did not happen is left out."""
        counts = {name: count for name, count in result.counts.items() if count}
        lines = [ExplanationView.model_validate(asdict(line)) for line in result.explanations]
        return cls(
            started_at=result.started_at,
            counts=counts,
            complete=result.complete,
            live=result.live,
            explanations=lines,
        )


class Accepted(BaseModel):
    """A hint that was taken."""

    accepted: uuid.UUID


class TroubledConfig(BaseModel):
    """A config that somebody should look at."""

    name: str
    quarantine_reason: str | None = None
    consecutive_failures: int = 0
    last_success_at: datetime | None = None


class DeadAlert(BaseModel):
    """A message that will never arrive."""

    kind: str
    config_name: str
    error: str | None = None
    dead_at: datetime


class StatusView(BaseModel):
    """One look at everything."""

    configs: int
    active: int
    quarantined: int
    failing: int
    queued: int
    live: int
    max_parallel_jobs: int
    alerts_waiting: int
    alerts_dead: int
    next_slot_at: datetime | None = None
    last_tick_at: datetime | None = None
    last_tick_seconds: float | None = None
    now: datetime
    troubled: list[TroubledConfig] = []
    dead_alerts: list[DeadAlert] = []

    @classmethod
    def look(cls, history: History, max_parallel_jobs: int) -> Self:
        """Take the look."""
        return cls.model_validate(
            {
                **history.status(),
                "max_parallel_jobs": max_parallel_jobs,
                "troubled": [dict(row) for row in history.troubled_configs()],
                "dead_alerts": [dict(row) for row in history.dead_alerts()],
            }
        )
