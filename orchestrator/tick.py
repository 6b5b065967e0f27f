"""One pass: observe | settle, enqueue, claim | launch | record | notify. Where the bars are, nothing is held."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from orchestrator.claim import Claimed, claim
from orchestrator.enqueue import Enqueued, enqueue_due, plan_changed
from orchestrator.explain import Explanation, Outlook, explain
from orchestrator.launch import Launched, launch_all
from orchestrator.model import RunState
from orchestrator.notify import drain
from orchestrator.observe import Observer, Seen
from orchestrator.settle import Settled, refuse_runs, settle_runs
from orchestrator.stale import tell_stale
from orchestrator.store import Store
from worker.contract.failpoint import reach

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Engine

    from orchestrator.launcher import Launcher
    from orchestrator.model import Health, Run
    from orchestrator.notifier import Notifier
    from orchestrator.spec import Defaults

LOCK_WAIT = timedelta(seconds=30)
DRY_RUN_LOCK_WAIT = timedelta(seconds=2)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TickSettings:
    """How a tick goes about it."""

    defaults: Defaults
    max_parallel_jobs: int = 5
    budget: timedelta = timedelta(seconds=60)
    """After this, what is left waits for the next tick."""
    launch_within: timedelta = timedelta(seconds=60)
    """A launch that is not answered by then is looked up, and made again if it is not found."""
    retry_delay: timedelta = timedelta(seconds=30)
    """Before the second attempt; doubled for each after it, jittered."""


@dataclass(slots=True)
class TickResult:
    """What a tick did, or, for a dry run, would do."""

    started_at: datetime
    counts: Counter[str] = field(default_factory=Counter)
    complete: bool = True
    live: int = 0
    """Runs launching or running at the end."""
    explanations: list[Explanation] = field(default_factory=list)
    """Of a dry run: per config, what would happen and why."""


@dataclass(slots=True)
class _Pass:
    """What the transaction decided."""

    settled: Settled
    changed: Enqueued
    due: Enqueued
    claimed: Claimed

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """The slots that were recorded and not run."""
        return [row for row in self.changed.runs + self.due.runs if row["state"] == RunState.SKIPPED]


class Ticker:
    """Does ticks; holds no state between them, so any number of processes may."""

    def __init__(self, engine: Engine, launcher: Launcher, notifier: Notifier, settings: TickSettings) -> None:
        """Tick on this database, through this launcher and notifier."""
        self._engine = engine
        self._launcher = launcher
        self._notifier = notifier
        self._settings = settings

    def tick(
        self, *, dry_run: bool = False, max_parallel_jobs: int | None = None, only: Iterable[uuid.UUID] | None = None
    ) -> TickResult:
        """Do one pass; `only` observes just these runs (a worker's hint). A dry run changes nothing."""
        began = time.monotonic()
        settings = self._limited(max_parallel_jobs)
        with self._engine.connect() as connection:
            store = Store(connection)
            now, live = store.clock(), store.live_runs(only)
        result = TickResult(now)
        seen = Observer(self._launcher, read_only=dry_run).look([run for run, _ in live], now=now)
        decided = self._decide(live, seen, settings, result, dry_run=dry_run)
        if dry_run:
            return result
        reach("tick.after_commit")
        self._act(decided.claimed, settings, result, until=began + self._budget)
        self._finish(result, began)
        return result

    @property
    def _budget(self) -> float:
        return self._settings.budget.total_seconds()

    def _limited(self, max_parallel_jobs: int | None) -> TickSettings:
        """The lower of two limits wins."""
        if max_parallel_jobs is None:
            return self._settings
        return replace(self._settings, max_parallel_jobs=min(max_parallel_jobs, self._settings.max_parallel_jobs))

    def _decide(
        self,
        live: Sequence[tuple[Run, Health]],
        seen: Seen,
        settings: TickSettings,
        result: TickResult,
        *,
        dry_run: bool,
    ) -> _Pass:
        """The one transaction: settle, enqueue, claim. A dry run rolls it back before anything is rendered."""
        with self._engine.connect() as connection, connection.begin() as transaction:
            store = Store(connection)
            store.set_lock_timeout(DRY_RUN_LOCK_WAIT if dry_run else LOCK_WAIT)
            store.lock_tick()
            now = result.started_at = store.clock()
            decided = _decide_all(store, connection, live, seen, settings, now=now)
            result.live = store.live_count()
            result.counts += _count(decided)
            if not dry_run:
                reach("tick.before_commit")
                return decided
            launching = [run for run, _ in store.live_runs(decided.claimed.ids)]
            outlook = Outlook(launching, store.waiting_runs(), store.idle_configs())
            transaction.rollback()
        result.explanations = explain(decided.settled, decided.skipped, decided.claimed, outlook, settings, now=now)
        return decided

    def _act(self, claimed: Claimed, settings: TickSettings, result: TickResult, *, until: float) -> None:
        """Launch what was claimed, then write down what the launcher said."""
        again = {run.id for run in claimed.again}
        wanted = [*claimed.ids, *again]
        if not wanted:
            return
        with self._engine.connect() as connection:
            found = Store(connection).live_runs(wanted)
        # Another deadline is another tick's, which has found this one too slow.
        deadline = result.started_at + settings.launch_within
        launching = [(run, health) for run, health in found if run.launch_deadline_at == deadline]
        launched = launch_all(self._launcher, [run for run, _ in launching], again=again, until=until)
        reach("tick.after_launch")
        result.counts += self._record(launched, {run.id: health for run, health in launching}, settings)
        reach("tick.after_record")
        result.counts["launched"] += len(launched.started)
        result.counts["refused"] += len(launched.refused)
        result.counts["unclear"] += len(launched.unclear)
        result.complete = not launched.untried

    def _record(self, launched: Launched, health: dict[uuid.UUID, Health], settings: TickSettings) -> Counter[str]:
        """Write the launcher's answers down; return what became of those it refused."""
        with self._engine.begin() as connection:
            store = Store(connection)
            store.mark_launched(launched.started)
            store.release_runs(launched.untried)
            delay, now = settings.retry_delay, store.clock()
            refused = refuse_runs(store, connection, launched.refused, health, now=now, retry_delay=delay)
        return _entered(refused)

    def _finish(self, result: TickResult, began: float) -> None:
        """Send what there is to tell, then leave the tick's own row."""
        left = max(1.0, self._budget - (time.monotonic() - began))
        sent = drain(self._engine, self._notifier, now=result.started_at, budget_seconds=left)
        reach("tick.after_notify")
        result.counts["alerts"] += sent.sent
        seconds = time.monotonic() - began
        with self._engine.begin() as connection:
            Store(connection).record_tick(result.started_at, seconds, result.counts, complete=result.complete)
        log.info("tick", seconds=round(seconds, 3), complete=result.complete, live=result.live, **result.counts)


def _decide_all(
    store: Store,
    connection: Connection,
    live: Sequence[tuple[Run, Health]],
    seen: Seen,
    settings: TickSettings,
    *,
    now: datetime,
) -> _Pass:
    settled = settle_runs(store, connection, live, seen.evidence, now=now, retry_delay=settings.retry_delay)
    changed = plan_changed(store, settings.defaults, now=now)
    due = enqueue_due(store, now=now)
    claimed = claim(store, settings, seen.unanswered, now=now)
    tell_stale(store, now=now)
    return _Pass(settled, changed, due, claimed)


def _entered(settled: Settled) -> Counter[str]:
    counts = Counter(str(transition.enters) for _, transition in settled.transitions)
    counts["retried"] = counts.pop(str(RunState.QUEUED), 0)
    return counts


def _count(decided: _Pass) -> Counter[str]:
    counts = _entered(decided.settled)
    counts.update(run["state"] for run in decided.claimed.hopeless)
    counts["enqueued"] = decided.changed.new + decided.due.new
    counts["quarantined"] = sum(plan["quarantine_reason"] is not None for plan in decided.changed.plans)
    counts["claimed"] = len(decided.claimed.ids)
    return +counts
