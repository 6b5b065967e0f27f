"""A random sequence of what people, sources and crashes do to a few configs, made from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator import failpoints as of_ticks
from orchestrator.errors import Refused
from orchestrator.history import History
from tests.support.promises import check_plans_are_whole, check_promises, check_whole_units
from worker import failpoints as of_workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.crash import Rig

_STEPS = 14


@dataclass
class Loaded:
    """A config, and the table that it loads now."""

    name: str
    add: Callable[[], int]
    """Insert it, under its name, and return its id."""
    table: str
    id: int = 0
    before: list[str] = field(default_factory=list)
    """Tables that it loaded before it was edited."""


class FaultSchedule:
    """Plays a schedule: `str()` tells what has been done so far."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self._rig = rig
        self._random = Random(seed)
        self._done: list[str] = []
        self._rows = 0
        self._grow()
        rig.order(3)
        rig.allow(self._random.choice([1, 2, 3]))
        self._chosen = {"max_attempts": self._random.choice([1, 2, 3]), "alert_after": self._random.choice([1, 1, 2])}
        replaces: dict[str, Any] = {"load_mode": "replace", "source": {"has_cursor": False}}
        merges: dict[str, Any] = {"load_mode": "merge", "merge_key": ["id"]}
        self._configs = [
            self._add("orders", rig.add_orders),
            self._add("grows", rig.add_rows),
            self._add("again", rig.add_rows, source={"has_cursor": False}),
            self._add("copy", rig.add_rows, **self._random.choice([replaces, merges])),
        ]

    def __str__(self) -> str:
        return "; ".join(self._done)

    def play(self) -> None:
        """Do some of everything, then let all come to its end, and check what is promised."""
        often: list[tuple[Callable[[], None], int]] = [
            (self._tick, 6),
            (self._killed_tick, 4),
            (self._two_ticks, 1),
            (self._announced_tick, 2),
            (self._wait, 3),
            (self._time, 2),
            (self._due, 6),
            (self._order, 3),
            (self._grow, 3),
            (self._request, 1),
            (self._edit, 2),
            (self._pause_or_resume, 1),
            (self._cancel, 1),
            (self._make_again, 1),
            (self._silence_slack, 1),
        ]
        acts, weights = zip(*often, strict=True)
        for act in self._random.choices(acts, weights, k=_STEPS):
            act()
        self._come_to_rest()
        self._check()

    # What people and sources do

    def _order(self) -> None:
        self._rig.order(self._random.randint(1, 3))
        self._done.append("order")

    def _grow(self) -> None:
        self._rows += self._random.randint(1, 3)
        self._rig.write_rows(*range(1, self._rows + 1))
        self._done.append(f"rows up to {self._rows}")

    def _due(self) -> None:
        config = self._some()
        self._rig.make_due(config.id)
        self._done.append(f"{config.name} due")

    def _request(self) -> None:
        config = self._some()
        with self._rig.engine.begin() as connection:
            History(connection, self._rig.parts.defaults()).request(config.name, requested_by="test")
        self._done.append(f"{config.name} requested")

    def _edit(self) -> None:
        config = self._some()
        if self._random.random() < 0.5:
            self._rig.change(config.id, f"priority = {self._random.randint(0, 3)}")
            self._done.append(f"{config.name} edited")
            return
        config.before.append(config.table)
        config.table = f"{config.name}_{len(config.before)}"
        self._rig.change(config.id, f"destination_table = '{config.table}'")
        self._done.append(f"{config.name} to {config.table}")

    def _pause_or_resume(self) -> None:
        config = self._some()
        self._rig.change(config.id, "is_active = not is_active")
        self._done.append(f"{config.name} paused or resumed")

    def _cancel(self) -> None:
        going = [run for run in self._rig.runs() if run["ended_at"] is None]
        if going:
            run = self._random.choice(going)
            try:
                self._rig.cancel(run)
            except Refused:
                return
            self._done.append(f"{run['config_name']} cancelled while {run['state']}")

    def _make_again(self) -> None:
        """Delete a config, and insert it under another name with a table of its own."""
        config = self._some()
        self._rig.delete(config.id)
        config.before.append(config.table)
        config.name = config.table = f"{config.name}_again"
        config.id = config.add()
        self._done.append(f"{config.name} instead of a deleted one")

    def _silence_slack(self) -> None:
        self._rig.sandbox.faults.add(service="slack", status=self._random.choice([429, 503]), times=2)
        self._done.append("Slack is down")

    # What ticks do

    def _tick(self) -> None:
        doom = self._doom()
        self._rig.tick(doom)
        self._done.append(f"tick, workers: {doom or 'well'}")

    def _killed_tick(self) -> None:
        failpoint, doom = self._random.choice(of_ticks.NAMES), self._doom()
        died = self._rig.start_tick(failpoint, doom).wait() != 0
        self._rig.untold_deaths += died and failpoint == "notify.after_send"
        self._done.append(f"tick {'killed' if died else 'not killed'} at {failpoint}, workers: {doom or 'well'}")

    def _two_ticks(self) -> None:
        ticks = [self._rig.start_tick(), self._rig.start_tick()]
        assert [tick.wait() for tick in ticks] == [0, 0]
        self._done.append("two ticks")

    def _announced_tick(self) -> None:
        """What a dry run says will be launched is what the next tick launches; nobody is working meanwhile."""
        self._rig.wait_for_workers()
        dry = self._rig.tick(dry_run=True)
        announced = {(line.run_id, line.attempt) for line in dry.explanations if line.action == "launch"}
        before = self._launched()
        self._done.append(f"dry run: {len(announced)} to launch")
        self._rig.tick()
        assert self._launched() - before == announced - before

    def _launched(self) -> set[tuple[str, int]]:
        return {(str(run["id"]), run["attempt"]) for run in self._rig.runs() if run["attempt"]}

    def _wait(self) -> None:
        self._rig.wait_for_workers()
        self._done.append("wait")
        check_whole_units(self._rig)

    def _time(self) -> None:
        self._rig.let_time_pass()
        self._done.append("time passes")

    def _doom(self) -> str:
        if self._random.random() < 0.5:
            return ""
        signal = self._random.choice(["KILL", "KILL", "TERM"])
        return f"{self._random.choice(of_workers.NAMES)}:{self._random.choice([1, 1, 2])}:{signal}"

    # The end

    def _come_to_rest(self) -> None:
        """End what is going on, then load everything once more, without faults."""
        for config in self._configs:
            self._rig.change(config.id, "is_active = true")
        self._rig.finish()
        check_whole_units(self._rig)
        for config in self._configs:
            assert self._rig.make_due(config.id), f"{config.name}: expected its slots to be over"
        self._rig.finish()

    def _check(self) -> None:
        rig, everything = self._rig, list(range(1, self._rows + 1))
        orders, grows, again, copy = self._configs
        assert rig.ids(orders.table) == rig.ordered()
        assert rig.ids(grows.table) == everything
        assert rig.ids(copy.table) == everything
        for table in orders.before + grows.before + copy.before:
            assert len(set(rig.ids(table))) == len(rig.ids(table)), table
        check_plans_are_whole(rig, again.table)
        check_promises(rig)

    def _some(self) -> Loaded:
        return self._random.choice(self._configs)

    def _add(self, name: str, add: Callable[..., int], **columns: Any) -> Loaded:  # noqa: ANN401 - columns of any type
        config = Loaded(name, lambda: add(config.name, **self._chosen, **columns), table=name)
        config.id = config.add()
        return config
