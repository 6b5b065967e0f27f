"""What follows from what was seen. Values in, values out: no clock, no database, no randomness."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orchestrator.model import (
    Alert,
    AlertKind,
    Failure,
    Handle,
    Health,
    Observation,
    Phase,
    Run,
    RunState,
    Transition,
    Trigger,
)
from worker.contract.exit_code import ExitCode
from worker.contract.report import ErrorKind

if TYPE_CHECKING:
    from datetime import datetime

    from worker.contract.report import Report

LONGEST_RETRY_DELAY = timedelta(minutes=15)
_SIGKILL = 137
_SIGTERM = 143


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a run's attempt."""

    observation: Observation
    report: Report | None = None
    holder: Handle | None = None
    """The execution that holds the attempt's fence; None: nobody does, or nobody knows."""
    revoked: bool = False
    """The fence was taken from every execution: none has acted, none will."""


def settle(run: Run, evidence: Evidence, *, now: datetime, retry_delay: timedelta) -> Transition | None:
    """Return what becomes of a run, or None while there is nothing to say."""
    if evidence.observation.phase is Phase.UNKNOWN:
        return None
    if evidence.holder and evidence.holder != run.handle and not evidence.revoked:
        return _move(run, RunState.RUNNING, handle=evidence.holder)
    if evidence.observation.phase is Phase.RUNNING:
        return None
    return _settle_ended(run, evidence, now=now, retry_delay=retry_delay)


def _settle_ended(run: Run, evidence: Evidence, *, now: datetime, retry_delay: timedelta) -> Transition:
    if _succeeded(evidence):
        return _success(run, evidence)
    if run.cancel_requested_at:
        return _end(run, evidence, RunState.CANCELLED, Failure("cancelled", "cancelled on request", retryable=False))
    failure = failure_of(evidence)
    if failure.kind == ErrorKind.CONFIGURATION:
        return _end(run, evidence, RunState.REJECTED, failure)
    if failure.retryable and run.attempt < run.max_attempts:
        at = retry_at(run, now=now, retry_delay=retry_delay)
        return _end(run, evidence, RunState.QUEUED, failure, not_before=at)
    return _end(run, evidence, RunState.FAILED, failure)


def retry_at(run: Run, *, now: datetime, retry_delay: timedelta) -> datetime:
    """Return when the next attempt may start: exponential, and jittered by the run's own id so that a test can tell."""
    spread = 0.75 + uuid.uuid5(run.id, str(run.attempt)).int % 1000 / 2000
    delay: timedelta = min(retry_delay * 2 ** (run.attempt - 1), LONGEST_RETRY_DELAY)
    return now + delay * spread


def failure_of(evidence: Evidence) -> Failure:
    """Say why an ended attempt did not succeed; the report knows best, then the exit code."""
    report, observation = evidence.report, evidence.observation
    if report and report.error:
        error = report.error
        text = f"{error.text}{_because(observation)}"
        return Failure(error.kind, text, error.retryable or error.kind is ErrorKind.CANCELLED, error.fingerprint)
    if observation.phase is Phase.VANISHED:
        return Failure("vanished", f"its execution is gone and left no report{_because(observation)}", retryable=True)
    return _failure_of_code(observation)


def _failure_of_code(observation: Observation) -> Failure:
    code, because = observation.exit_code, _because(observation)
    if code == ExitCode.CONFIGURATION:
        return Failure(ErrorKind.CONFIGURATION, f"a configuration error without a report{because}", retryable=False)
    if code == _SIGKILL:
        text = f"killed (exit code 137): out of memory, or past its timeout{because}; give it a larger size or timeout"
        return Failure("killed", text, retryable=True)
    if code == _SIGTERM:
        return Failure("terminated", f"asked to end (exit code 143) before it was done{because}", retryable=True)
    if code == ExitCode.OK:
        return Failure("no_report", f"it ended with code 0 and left no report{because}; see its log", retryable=True)
    return Failure("unknown", f"exit code {code} and no report{because}; see its log", retryable=True)


def _because(observation: Observation) -> str:
    return f" ({observation.detail})" if observation.detail else ""


def _succeeded(evidence: Evidence) -> bool:
    """Success is the holder's report and a completed execution, never an exit code alone."""
    return (
        evidence.report is not None
        and evidence.report.status == "succeeded"
        and evidence.observation.phase is Phase.FINISHED
        and evidence.observation.exit_code == ExitCode.OK
    )


def _success(run: Run, evidence: Evidence) -> Transition:
    report = evidence.report
    assert report is not None  # noqa: S101 - for the type checker: `_succeeded` said so
    return _move(
        run,
        RunState.SUCCEEDED,
        rows=report.rows,
        bytes=report.bytes,
        cursor_after=report.cursor,
        log_uri=evidence.observation.log_uri,
        warnings=tuple(report.warnings),
        schema_changes=tuple(report.schema_changes),
        may_have_published=True,
    )


def _end(
    run: Run, evidence: Evidence, enters: RunState, failure: Failure, not_before: datetime | None = None
) -> Transition:
    report = evidence.report
    return _move(
        run,
        enters,
        failure=failure,
        not_before=not_before,
        log_uri=evidence.observation.log_uri,
        warnings=tuple(report.warnings) if report else (),
        may_have_published=may_have_published(run, evidence),
    )


def unrecordable(run: Run, why: str) -> Transition:
    """End a run of which the database cannot hold what there is to say."""
    text = f"what became of it could not be written down ({why}); see its log"
    return _move(run, RunState.FAILED, failure=Failure(ErrorKind.BUG, text, retryable=False), may_have_published=True)


def may_have_published(run: Run, evidence: Evidence) -> bool:
    """Tell whether the next run of the config must look for units that this one published."""
    before = run.attempt > 1 and run.may_have_published
    if evidence.revoked:
        return before
    report = evidence.report
    return before or report is None or report.unit_in_doubt or report.units + report.units_skipped > 0


def _move(run: Run, enters: RunState, **fields: Any) -> Transition:  # noqa: ANN401 - a transition's own fields
    return Transition(run.id, run.attempt, run.state, enters, **fields)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run's end does to its config, and what people must be told."""

    failures: int
    incident_id: uuid.UUID | None
    fresh: bool
    """The data is as of now: a success that was no backfill."""
    alerts: tuple[Alert, ...] = ()


def outcome_of(run: Run, health: Health, transition: Transition, *, now: datetime) -> Outcome | None:
    """Return what a transition does to its config, or None if it ends nothing."""
    if transition.enters is RunState.SUCCEEDED:
        return _recovered(run, health, now=now)
    if transition.enters not in {RunState.FAILED, RunState.REJECTED}:
        return None
    if run.trigger is Trigger.BACKFILL:
        alert = _alert(run, health, transition, AlertKind.FAILURE, now=now, failures=1)
        return Outcome(health.failures, health.incident_id, fresh=False, alerts=(alert,))
    failures = health.failures + 1
    if health.incident_id:
        again = _alert(run, health, transition, AlertKind.FAILED_AGAIN, now=now, failures=failures)
        return Outcome(failures, health.incident_id, fresh=False, alerts=(again,))
    if failures < health.alert_after:
        return Outcome(failures, None, fresh=False)
    first = _alert(run, health, transition, AlertKind.FAILURE, now=now, failures=failures)
    return Outcome(failures, first.id, fresh=False, alerts=(first,))


def _recovered(run: Run, health: Health, *, now: datetime) -> Outcome:
    if run.trigger is Trigger.BACKFILL:
        return Outcome(health.failures, health.incident_id, fresh=False)
    if not health.incident_id:
        return Outcome(0, None, fresh=True)
    since = health.last_success_at and health.last_success_at.isoformat()
    body = {**_facts(run, now=now), "failures": health.failures, "since": since}
    alert = Alert(
        key=f"{AlertKind.RECOVERY}/{run.id}",
        kind=AlertKind.RECOVERY,
        config_id=run.config_id,
        config_name=run.config_name,
        channel=health.channel,
        fingerprint="",
        body=body,
        thread_of=health.incident_id,
    )
    return Outcome(0, None, fresh=True, alerts=(alert,))


def _alert(run: Run, health: Health, transition: Transition, kind: AlertKind, *, now: datetime, failures: int) -> Alert:
    failure = transition.failure or Failure("unknown", "", retryable=False)
    body = {
        **_facts(run, now=now),
        "failures": failures,
        "error_kind": str(failure.kind),
        "error": failure.text,
        "advice": advice(transition),
        "log_uri": transition.log_uri,
    }
    return Alert(
        key=f"{kind}/{run.id}",
        kind=kind,
        config_id=run.config_id,
        config_name=run.config_name,
        channel=health.channel,
        fingerprint=failure.fingerprint,
        body=body,
        thread_of=health.incident_id if kind is AlertKind.FAILED_AGAIN else None,
    )


def _facts(run: Run, *, now: datetime) -> dict[str, Any]:
    return {
        "run_id": str(run.id),
        "attempt": run.attempt,
        "max_attempts": run.max_attempts,
        "slot_at": run.slot_at and run.slot_at.isoformat(),
        "ended_at": now.isoformat(),
    }


def advice(transition: Transition) -> str:
    """Say what a person should do about a run that ended badly."""
    if transition.enters is RunState.REJECTED:
        return "Change what the error names; it is not tried again before its next slot, or `sluice run`."
    return f"Read its log with `sluice runs logs {transition.run_id}`; its next slot, or `sluice run`, tries again."
