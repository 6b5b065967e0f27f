"""What follows from what was seen."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide import Evidence, outcome_of, retry_at, settle
from orchestrator.model import (
    AlertKind,
    Handle,
    Health,
    Observation,
    Phase,
    Run,
    RunState,
    Transition,
    Trigger,
)
from tests.support.fakes import error
from worker.contract.report import Report
from worker.contract.run_spec import RunSpec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DELAY = timedelta(seconds=30)
RUN = Run(
    id=uuid.UUID(int=7),
    config_id=1,
    config_name="sheet",
    trigger=Trigger.SCHEDULE,
    state=RunState.RUNNING,
    attempt=1,
    max_attempts=3,
    timeout=timedelta(hours=1),
    slot_at=NOW,
    spec=RunSpec(config_name="sheet", dataset="raw", table="t"),
    handle=Handle("h"),
    launch_deadline_at=None,
    cancel_requested_at=None,
    started_at=NOW,
    queued_at=NOW,
)


def _report(kind: str | None = None, **fields: object) -> Report:
    found = error(kind, fingerprint="host db") if kind else None
    status = "failed" if kind else "succeeded"
    written = {"run_id": "r", "attempt": 1, "nonce": "n", "started_at": NOW, "finished_at": NOW}
    return Report.model_validate({**written, "status": status, "error": found, **fields})


def _finished(code: int, report: Report | None = None, run: Run = RUN) -> Transition:
    evidence = Evidence(Observation(Phase.FINISHED, code), report, holder=run.handle)
    transition = settle(run, evidence, now=NOW, retry_delay=DELAY)
    assert transition is not None
    return transition


@pytest.mark.parametrize("phase", [Phase.UNKNOWN, Phase.RUNNING])
def test_settle_changes_nothing_while_there_is_nothing_to_know(phase: Phase) -> None:
    assert settle(RUN, Evidence(Observation(phase)), now=NOW, retry_delay=DELAY) is None


def test_settle_takes_success_only_from_report_and_exit_code_together() -> None:
    assert _finished(0, _report(rows=3, cursor={"a": 1})).enters is RunState.SUCCEEDED
    assert _finished(0).enters is RunState.QUEUED
    assert _finished(137, _report()).enters is RunState.QUEUED


def test_settle_keeps_what_the_report_says() -> None:
    transition = _finished(0, _report(rows=3, bytes=9, cursor={"a": 1}, warnings=["w"], schema_changes=["c"]))
    assert (transition.rows, transition.bytes, transition.cursor_after) == (3, 9, {"a": 1})
    assert (transition.warnings, transition.schema_changes) == (("w",), ("c",))


@pytest.mark.parametrize(
    ("code", "kind", "enters"),
    [
        (78, "configuration", RunState.REJECTED),
        (78, None, RunState.REJECTED),
        (75, "unavailable", RunState.QUEUED),
        (75, "cancelled", RunState.QUEUED),
        (70, "bug", RunState.QUEUED),
        (137, None, RunState.QUEUED),
        (143, None, RunState.QUEUED),
        (1, None, RunState.QUEUED),
    ],
)
def test_settle_retries_everything_but_configuration(code: int, kind: str | None, enters: RunState) -> None:
    assert _finished(code, _report(kind) if kind else None).enters is enters


def test_failure_says_what_the_worker_and_the_launcher_know() -> None:
    seen = Observation(Phase.FINISHED, 75, "timed out after 60 s")
    transition = settle(RUN, Evidence(seen, _report("cancelled"), holder=RUN.handle), now=NOW, retry_delay=DELAY)
    assert transition is not None
    assert transition.failure is not None
    assert transition.failure.text == "it did not work (timed out after 60 s)"


def test_settle_fails_a_run_when_no_attempt_is_left() -> None:
    assert _finished(75, run=replace(RUN, attempt=3)).enters is RunState.FAILED


def test_settle_hands_a_run_to_the_execution_that_holds_its_fence() -> None:
    evidence = Evidence(Observation(Phase.FINISHED, 76), holder=Handle("other"))
    transition = settle(RUN, evidence, now=NOW, retry_delay=DELAY)
    assert transition is not None
    assert (transition.enters, transition.handle) == (RunState.RUNNING, "other")


def test_settle_cancels_what_was_asked_to_end_unless_it_had_succeeded() -> None:
    asked = replace(RUN, cancel_requested_at=NOW)
    assert _finished(75, _report("cancelled"), run=asked).enters is RunState.CANCELLED
    assert _finished(0, _report(), run=asked).enters is RunState.SUCCEEDED


@pytest.mark.parametrize(
    ("evidence", "attempt", "before", "expected"),
    [
        (Evidence(Observation(Phase.VANISHED)), 1, True, True),
        (Evidence(Observation(Phase.VANISHED), revoked=True), 1, True, False),
        (Evidence(Observation(Phase.VANISHED), revoked=True), 2, True, True),
        (Evidence(Observation(Phase.FINISHED, 75), _report("unavailable")), 1, True, False),
        (Evidence(Observation(Phase.FINISHED, 75), _report("unavailable", units=1)), 1, True, True),
        (Evidence(Observation(Phase.FINISHED, 75), _report("unavailable", units_skipped=1)), 2, False, True),
    ],
)
def test_settle_remembers_whether_anything_may_be_published(
    evidence: Evidence, attempt: int, before: bool, expected: bool
) -> None:
    run = replace(RUN, attempt=attempt, may_have_published=before)
    transition = settle(run, evidence, now=NOW, retry_delay=DELAY)
    assert transition is not None
    assert transition.may_have_published is expected


@given(st.integers(1, 20), st.uuids())
def test_retry_waits_longer_each_time_within_bounds(attempt: int, run_id: uuid.UUID) -> None:
    waits = retry_at(replace(RUN, id=run_id, attempt=attempt), now=NOW, retry_delay=DELAY) - NOW
    nominal = min(DELAY * 2 ** (attempt - 1), timedelta(minutes=15))
    assert nominal * 0.75 <= waits <= nominal * 1.25


def test_retry_spreads_runs_that_failed_together() -> None:
    times = {retry_at(replace(RUN, id=uuid.UUID(int=i)), now=NOW, retry_delay=DELAY) for i in range(50)}
    assert len(times) > 25


def test_transition_refuses_what_the_table_does_not_allow() -> None:
    with pytest.raises(ValueError, match="expected one of"):
        Transition(RUN.id, 1, RunState.SUCCEEDED, RunState.RUNNING)


def _failing(failures: int, alert_after: int = 1, incident: uuid.UUID | None = None) -> tuple[int, list[AlertKind]]:
    health = Health(failures=failures, alert_after=alert_after, incident_id=incident)
    outcome = outcome_of(RUN, health, _finished(78), now=NOW)
    assert outcome is not None
    return outcome.failures, [alert.kind for alert in outcome.alerts]


def test_alert_comes_with_the_nth_failure_in_a_row_and_later_ones_answer_it() -> None:
    assert _failing(0) == (1, [AlertKind.FAILURE])
    assert _failing(0, alert_after=2) == (1, [])
    assert _failing(1, alert_after=2) == (2, [AlertKind.FAILURE])
    assert _failing(2, alert_after=2, incident=uuid.UUID(int=1)) == (3, [AlertKind.FAILED_AGAIN])


def test_alert_is_not_written_for_an_attempt_that_is_tried_again() -> None:
    assert outcome_of(RUN, Health(), _finished(75), now=NOW) is None


def test_recovery_is_told_once_in_the_thread_of_the_incident() -> None:
    incident = uuid.UUID(int=1)
    outcome = outcome_of(RUN, Health(failures=4, incident_id=incident), _finished(0, _report()), now=NOW)
    assert outcome is not None
    assert [(alert.kind, alert.thread_of) for alert in outcome.alerts] == [(AlertKind.RECOVERY, incident)]
    assert (outcome.failures, outcome.incident_id, outcome.fresh) == (0, None, True)
    quiet = outcome_of(RUN, Health(failures=0), _finished(0, _report()), now=NOW)
    assert quiet is not None
    assert quiet.alerts == ()


def test_backfill_neither_counts_as_a_failure_nor_as_fresh_data() -> None:
    backfill = replace(RUN, trigger=Trigger.BACKFILL)
    failed = outcome_of(backfill, Health(failures=2), _finished(78), now=NOW)
    assert failed is not None
    assert (failed.failures, failed.incident_id, [a.kind for a in failed.alerts]) == (2, None, [AlertKind.FAILURE])
    done = outcome_of(backfill, Health(failures=2), _finished(0, _report()), now=NOW)
    assert done is not None
    assert (done.failures, done.fresh, done.alerts) == (2, False, ())


def test_alert_carries_the_cause_so_that_the_same_one_can_be_grouped() -> None:
    rejected = outcome_of(RUN, Health(), _finished(78, _report("configuration")), now=NOW)
    assert rejected is not None
    assert rejected.alerts[0].fingerprint == "host db"
    assert rejected.alerts[0].body["error"] == "it did not work"
