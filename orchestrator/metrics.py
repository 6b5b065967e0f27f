"""What `/metrics` says, in Prometheus' text format: read from the database, so that every replica says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Gauge, generate_latest

from orchestrator.model import ENDED, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.app import App

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_OF_STATUS = {
    "configs": ("sluice_configs", "Configs there are."),
    "active": ("sluice_configs_active", "Configs that are not paused."),
    "quarantined": ("sluice_configs_quarantined", "Configs that cannot work and are not scheduled."),
    "failing": ("sluice_configs_failing", "Configs whose failures were told and have not ended."),
    "queued": ("sluice_queue_depth", "Runs that wait to be launched."),
    "live": ("sluice_live_runs", "Runs that count against the limit."),
    "alerts_waiting": ("sluice_alerts_waiting", "Messages that were not sent yet."),
    "alerts_dead": ("sluice_alerts_dead", "Messages that will never arrive; `sluice status` lists them."),
}
_NOT_ENDED = [state for state in RunState if state not in ENDED]
_REPORTED_ENDS = [state for state in RunState if state in ENDED - {RunState.SKIPPED}]


def exposition(app: App) -> bytes:
    """Take a look at everything and write it down."""
    with app.engine.connect() as connection:
        history = app.history(connection)
        status = dict(history.status())
        unfinished, ends = history.unfinished_by_state(), history.recent_ends()
    registry = CollectorRegistry()
    for column, (name, about) in _OF_STATUS.items():
        Gauge(name, about, registry=registry).set(status[column])
    runs = Gauge("sluice_runs", "Runs that have not ended.", ["state"], registry=registry)
    for state in _NOT_ENDED:
        runs.labels(state).set(unfinished.get(state, 0))
    recent = Gauge("sluice_runs_ended_last_hour", "Ends that ticks saw in an hour.", ["state"], registry=registry)
    for state in _REPORTED_ENDS:
        recent.labels(state).set(ends.get(state, 0))
    Gauge("sluice_parallel_jobs_limit", "Runs that may be live.", registry=registry).set(app.settings.max_parallel_jobs)
    _last_tick(registry, status)
    return generate_latest(registry)


def _last_tick(registry: CollectorRegistry, status: Mapping[str, Any]) -> None:
    """Before the first tick there is no age: a made-up one would be an alarm, or hide one."""
    if status["last_tick_at"] is None:
        return
    age = (status["now"] - status["last_tick_at"]).total_seconds()
    Gauge("sluice_last_tick_age_seconds", "Time since the last tick began.", registry=registry).set(age)
    took = Gauge("sluice_last_tick_seconds", "How long the last tick took.", registry=registry)
    took.set(status["last_tick_seconds"])
