"""Turn evidence into states, cursors and messages, inside the tick's transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import DataError, DBAPIError

from orchestrator.decide import outcome_of, retry_at, settle, unrecordable
from orchestrator.model import Failure, Health, Run, RunState, Transition
from worker.contract.report import ErrorKind

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from orchestrator.decide import Evidence
    from orchestrator.store import Store

log = structlog.get_logger()


@dataclass(slots=True)
class Settled:
    """The transitions that were applied, with the runs they are about."""

    transitions: list[tuple[Run, Transition]] = field(default_factory=list)


def settle_runs(
    store: Store,
    connection: Connection,
    live: Sequence[tuple[Run, Health]],
    evidence: Mapping[uuid.UUID, Evidence],
    *,
    now: datetime,
    retry_delay: timedelta,
) -> Settled:
    """Decide about every run there is evidence of, and write it down. One bad row harms itself only."""
    wanted: list[tuple[Run, Health, Transition]] = []
    for run, health in live:
        seen = evidence.get(run.id)
        transition = settle(run, seen, now=now, retry_delay=retry_delay) if seen else None
        if transition:
            wanted.append((run, health, transition))
    return _apply(store, connection, wanted, now=now)


def refuse_runs(
    store: Store,
    connection: Connection,
    refused: Sequence[tuple[Run, str]],
    health: Mapping[uuid.UUID, Health],
    *,
    now: datetime,
    retry_delay: timedelta,
) -> Settled:
    """Record launches that were refused: tried again like any other failure, unless nothing could ever be launched."""
    wanted = []
    for run, why in refused:
        wanted.append((run, health.get(run.id, Health()), _refusal(run, why, now=now, retry_delay=retry_delay)))
    return _apply(store, connection, wanted, now=now)


def _refusal(run: Run, why: str, *, now: datetime, retry_delay: timedelta) -> Transition:
    """Return what becomes of a run that could not be launched; nothing was published by this attempt."""
    failure = Failure("launch", f"it could not be launched: {why}", retryable=True)
    enters = RunState.QUEUED if run.attempt < run.max_attempts else RunState.FAILED
    if run.fault:
        failure, enters = Failure(ErrorKind.CONFIGURATION, run.fault, retryable=False), RunState.REJECTED
    at = retry_at(run, now=now, retry_delay=retry_delay) if enters is RunState.QUEUED else None
    published = run.attempt > 1 and run.may_have_published
    return Transition(
        run.id, run.attempt, run.state, enters, failure=failure, not_before=at, may_have_published=published
    )


def _apply(
    store: Store, connection: Connection, wanted: Sequence[tuple[Run, Health, Transition]], *, now: datetime
) -> Settled:
    if not wanted:
        return Settled()
    try:
        with connection.begin_nested():
            return _record(store, wanted, now=now)
    except DBAPIError as error:
        if len(wanted) == 1:
            return _apply_less(store, connection, wanted[0], error, now=now)
    middle = len(wanted) // 2
    halves = [_apply(store, connection, half, now=now) for half in (wanted[:middle], wanted[middle:])]
    return Settled([pair for half in halves for pair in half.transitions])


def _apply_less(
    store: Store, connection: Connection, one: tuple[Run, Health, Transition], error: DBAPIError, *, now: datetime
) -> Settled:
    """End a run with what no column can hold as a failed one; whatever else the database says may pass."""
    run, health, transition = one
    log.error("run could not be settled", run=str(run.id), error=str(error.orig))
    failed = unrecordable(run, str(error.orig).splitlines()[0])
    if not isinstance(error, DataError) or transition == failed:
        return Settled()
    return _apply(store, connection, [(run, health, failed)], now=now)


def _record(store: Store, wanted: Sequence[tuple[Run, Health, Transition]], *, now: datetime) -> Settled:
    applied = store.record_transitions([transition for _, _, transition in wanted], now=now)
    settled = [(run, health, transition) for run, health, transition in wanted if run.id in applied]
    outcomes = {run.id: outcome_of(run, health, transition, now=now) for run, health, transition in settled}
    told = {run_id: outcome for run_id, outcome in outcomes.items() if outcome}
    if told:
        store.record_health(told, now=now)
        store.insert_alerts([alert for outcome in told.values() for alert in outcome.alerts], now=now)
    return Settled([(run, transition) for run, _, transition in settled])
