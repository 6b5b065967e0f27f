"""Admit as many runs as the limits allow, inside the tick's transaction and under its lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import RowMapping

    from orchestrator.model import Run
    from orchestrator.store import Store
    from orchestrator.tick import TickSettings


@dataclass(slots=True)
class Claimed:
    """What is to be launched."""

    ids: Sequence[uuid.UUID] = ()
    """Runs that are `launching` now."""
    again: list[Run] = field(default_factory=list)
    """Launches that were never answered: the same attempt once more."""
    hopeless: Sequence[RowMapping] = ()
    """Runs that ended because their config is gone or quarantined."""


def claim(store: Store, settings: TickSettings, unanswered: Sequence[Run], *, now: datetime) -> Claimed:
    """Count what is live, then choose; the choice is committed before anything is launched."""
    claimed = Claimed(hopeless=store.end_hopeless_runs(now=now))
    if unanswered:
        again = store.relaunch_runs(unanswered, launch_within=settings.launch_within, now=now)
        claimed.again = [run for run in unanswered if run.id in again]
    free = settings.max_parallel_jobs - store.live_count()
    if free > 0:
        within = settings.launch_within
        claimed.ids = store.claim_runs(free, defaults=settings.defaults, launch_within=within, now=now)
    return claimed
