"""Where a run starts when runs before it failed half-way: what one of them has published is not published again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.contract.run_folder import RunFolder
from worker.contract.run_spec import LoadMode

if TYPE_CHECKING:
    from worker.contract.run_folder import Plan
    from worker.contract.run_spec import RunSpec
    from worker.destination import Destination


@dataclass(frozen=True, slots=True)
class Adopted:
    """The plan of an earlier run that this run finishes under that run's name, in place of a plan of its own."""

    run_id: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Start:
    """Where to start: a cursor for a new plan, or a plan to finish."""

    cursor: Any
    adopted: Adopted | None = None


def receipt_key(run_id: str, unit_key: str) -> str:
    """Return the key under which a destination publishes a unit exactly once."""
    return f"{run_id}/{unit_key}"


def resolve(spec: RunSpec, destination: Destination) -> Start:
    """Start after what the runs since the last success have published, the oldest first.

    A unit with a cursor tells where to go on. One without (`append` from a source that cannot tell what is new) does
    not: there, the run that published it is adopted, so that its rows are there once however often it is tried.
    `merge` and `partitions` replace what is there, so publishing the same rows again does no harm; under `replace` all
    that earlier runs have published goes anyway.
    """
    start = Start(spec.cursor)
    for url in () if spec.load_mode is LoadMode.REPLACE else spec.earlier_runs:
        start = _after(url, start, spec.load_mode, destination)
        if start.adopted:
            break
    return start


def _after(url: str, start: Start, mode: LoadMode, destination: Destination) -> Start:
    plan = RunFolder(url).plan()
    if plan is None:
        return start  # it published nothing: plans come first
    run_id = url.rstrip("/").rpartition("/")[2]
    published = destination.published([receipt_key(run_id, unit.key) for unit in plan.units])
    prefix = [unit for unit in plan.units if receipt_key(run_id, unit.key) in published]
    if not prefix:
        return start
    if prefix != list(plan.units[: len(prefix)]):
        raise RuntimeError(f"{url}: expected its units to be published in order, got {[unit.key for unit in prefix]}")
    if prefix[-1].cursor is None and mode is LoadMode.APPEND:
        return Start(start.cursor, Adopted(run_id, plan))
    return start if prefix[-1].cursor is None else Start(prefix[-1].cursor)
