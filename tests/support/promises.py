"""Checks what Sluice promises against what is there: the database, the run folders, the destination, the messages.

It knows the promises and not how they are kept: what should have been told is worked out anew from the history.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support.configs import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.slack.message import Message
    from tests.support.crash import Rig
    from worker.contract.run_folder import Fence

Run = dict[str, Any]


@dataclass(frozen=True)
class Acting:
    """The time in which an execution was acting for a run."""

    config: str
    """Its id; of a config that was deleted, the run's."""
    run_id: str
    began_at: datetime
    ended_at: datetime


def check_promises(rig: Rig) -> None:
    """Check all that must hold once every run has ended, whatever has happened before."""
    check_nothing_is_stuck(rig)
    check_slots(rig)
    check_limits(rig)
    check_attempts(rig)
    check_whole_units(rig)
    check_alerts(rig)


def check_nothing_is_stuck(rig: Rig) -> None:
    """Every run has ended, and every message was sent."""
    assert rows(rig.engine, "select id, state from runs where ended_at is null") == []
    assert rows(rig.engine, "select key, error from alerts where sent_at is null and dead_at is null") == []


def check_slots(rig: Rig) -> None:
    """Each slot that came has become one run, or is counted in one that was skipped."""
    found: Counter[int] = Counter()
    seen = set()
    for run in rig.runs():
        if run["trigger"] == "schedule" and run["config_id"]:
            assert (run["config_id"], run["slot_at"]) not in seen
            seen.add((run["config_id"], run["slot_at"]))
            found[run["config_id"]] += run["skipped_slots"] or 1
    assert found == rig.slots


def check_limits(rig: Rig) -> None:
    """No moment had more live runs than allowed, as the database saw it and as the executions saw it."""
    limit = rig.parts.max_parallel_jobs
    [most] = rows(rig.engine, "select max(counted) as counted, max(live_of_one) as of_one from watched")
    assert most["counted"] <= limit
    assert most["of_one"] <= 1
    acting = list(_acting(rig))
    for one in acting:
        beside = [other for other in acting if other.began_at <= one.began_at < other.ended_at]
        assert len(beside) <= limit, beside
        assert Counter(other.config for other in beside)[one.config] == 1, beside


def check_attempts(rig: Rig) -> None:
    """Only the holder of an attempt's fence has reported; nobody has acted for an attempt that was revoked."""
    for run, attempt, fence in _attempts(rig):
        report = rig.folder(run).report(attempt)
        if fence is None or fence.revoked:
            assert report is None
            assert not list((rig.home / "runs/parts").glob(f"*/{run['id']}/{attempt}"))
        elif report:
            assert report.nonce == fence.nonce


def check_whole_units(rig: Rig) -> None:
    """The destination holds what its receipts say, and of each unit all rows or none."""
    received: Counter[str] = Counter()
    if rig.tables():
        received.update(dict(rig.query("select target, sum(rows) from _sluice.receipts group by 1")))
    for run in rig.runs():
        if run["spec"] and run["spec"]["load_mode"] == "append" and run["spec"]["destination_table"] in rig.tables():
            table = run["spec"]["destination_table"]
            there = rig.ids(table)
            assert len(there) == received[f"lake.{table}"], (table, there)
            _check_units(rig, run, there)


def check_plans_are_whole(rig: Rig, table: str) -> None:
    """Where no cursor tells what is new, each plan of which a unit is there is there as a whole, once."""
    keys = {key for (key,) in rig.query("select key from _sluice.receipts")}
    expected: list[int] = []
    for run in rig.runs():
        plan = rig.folder(run).plan() if run["spec"] and run["spec"]["destination_table"] == table else None
        there = [unit for unit in plan.units if f"{run['id']}/{unit.key}" in keys] if plan else []
        assert not there or there == list(plan.units if plan else ()), run["id"]
        expected += [number for unit in there for number in range(unit.window[0], unit.window[1] + 1)]
    assert rig.ids(table) == sorted(expected)


def _check_units(rig: Rig, run: Run, there: list[int]) -> None:
    plan = rig.folder(run).plan()
    for unit in plan.units if plan and run["spec"]["kind"] == "rows" else ():
        low, high = unit.window
        assert {low, high} <= set(there) or not {low, high} & set(there), (run["id"], unit.key, there)


def _attempts(rig: Rig) -> Iterator[tuple[Run, int, Fence | None]]:
    for run in rig.runs():
        for attempt in range(1, run["attempt"] + 1):
            yield run, attempt, rig.folder(run).fence(attempt)


def _acting(rig: Rig) -> Iterator[Acting]:
    for run, _, fence in _attempts(rig):
        end = rig.folder_path(run) / f"exit-{fence.execution}.json" if fence else None
        if fence and end and end.exists():
            ended_at = datetime.fromtimestamp(end.stat().st_mtime, UTC)
            yield Acting(str(run["config_id"] or run["id"]), str(run["id"]), fence.at, ended_at)


# What should have been told


def check_alerts(rig: Rig) -> None:
    """Each incident was told once, in one thread, unless somebody died between Slack's answer and the mark."""
    told = rows(rig.engine, "select key, kind, body, thread_of, id, dead_at from alerts")
    orphans = {str(run["id"]) for run in rig.runs() if not run["config_id"]}
    of_runs = {alert["key"] for alert in told if alert["body"].get("run_id")}
    assert {key for key in of_runs if key.partition("/")[2] not in orphans} == set(_expected(rig))
    messages = rig.sandbox.slack.messages
    extra = 0
    for alert in told:
        about = [message for message in messages if _is_about(message, alert)]
        assert about or alert["dead_at"], f"{alert['key']}: expected a message, got none"
        extra += len(about) - 1 if about else 0
        if alert["thread_of"]:
            [opening] = [other for other in told if other["id"] == alert["thread_of"]]
            threads = {message.ts for message in messages if _is_about(message, opening)}
            assert {message.thread_ts for message in about} <= threads
    assert extra <= rig.untold_deaths, [message.text for message in messages]


def _is_about(message: Message, alert: dict[str, Any]) -> bool:
    if run_id := alert["body"].get("run_id"):
        return run_id in json.dumps(message.blocks)
    return "quarantined" in message.text and alert["config_name"] in message.text


def _expected(rig: Rig) -> Iterator[str]:
    """Work out what the history should have told."""
    by_config: defaultdict[int, list[Run]] = defaultdict(list)
    for run in rig.runs():
        if run["attempt"] and run["config_id"] and run["trigger"] != "backfill":
            by_config[run["config_id"]].append(run)
    configs = rows(rig.engine, "select id, alert_after from load_configs")
    alert_after = {row["id"]: row["alert_after"] for row in configs}
    for config_id, runs in by_config.items():
        yield from _told_of(sorted(runs, key=lambda run: run["ended_at"]), alert_after.get(config_id, 1))


def _told_of(runs: Iterable[Run], alert_after: int) -> Iterator[str]:
    failures, is_open = 0, False
    for run in runs:
        if run["state"] == "succeeded":
            if is_open:
                yield f"recovery/{run['id']}"
            failures, is_open = 0, False
        elif run["state"] in ("failed", "rejected"):
            failures += 1
            if is_open or failures >= alert_after:
                yield f"{'failed_again' if is_open else 'failure'}/{run['id']}"
                is_open = True
