"""Following runs to their end, with a launcher whose executions end when a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.follow import follow
from tests.support.configs import add_config, execute, rows
from tests.support.fakes import ScriptedLauncher, end, error

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine, RowMapping

    from orchestrator.app import App


def _not_ended(app: App) -> Sequence[uuid.UUID]:
    with app.engine.connect() as connection:
        return app.history(connection).not_ended()


def _ending_each(
    launcher: ScriptedLauncher, exit_code: int = 0, **report: object
) -> Callable[[Sequence[RowMapping]], None]:
    """End whatever runs whenever somebody looks."""
    done: set[object] = set()

    def look(rows: Sequence[RowMapping]) -> None:
        for (run, _), handle in zip(launcher.launched, launcher.handles(), strict=True):
            if handle not in done:
                done.add(handle)
                end(launcher, run, handle, exit_code, **report)

    return look


def test_what_a_run_frees_is_launched_and_followed_too(app: App, engine: Engine, launcher: ScriptedLauncher) -> None:
    for i in range(7):
        add_config(engine, f"c{i}")
    app.ticker.tick(max_parallel_jobs=2)
    ended = follow(app, _not_ended(app), _ending_each(launcher), max_parallel_jobs=2)
    assert [row["state"] for row in ended] == ["succeeded"] * 7
    assert len(launcher.launched) == 7


def test_retry_is_followed_until_no_attempt_is_left(app: App, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet", max_attempts=3)
    app.ticker.tick()
    (ended,) = follow(app, _not_ended(app), _ending_each(launcher, 75, error=error("unavailable")))
    assert (ended["state"], ended["attempt"]) == ("failed", 3)


def test_run_that_nothing_will_launch_is_given_up(app: App, engine: Engine) -> None:
    """Its pool has no room, so waiting would be for ever."""
    execute(engine, "insert into pools (name, max_parallel) values ('closed', 0)")
    add_config(engine, "sheet", pool="closed")
    app.ticker.tick()
    (waiting,) = follow(app, _not_ended(app), lambda _: None)
    assert waiting["state"] == "queued"


def test_paused_retry_is_given_up(app: App, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet", max_attempts=3)
    app.ticker.tick()
    end(launcher, launcher.launched[0][0], launcher.handles()[0], 75, error=error("unavailable"))
    execute(engine, "update load_configs set is_active = false")
    app.ticker.tick()
    execute(engine, "update runs set not_before_at = now() - interval '10 seconds'")
    (waiting,) = follow(app, _not_ended(app), lambda _: None)
    assert (waiting["state"], waiting["attempt"]) == ("queued", 1)


def test_slots_that_come_meanwhile_are_not_waited_for(app: App, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet")
    app.ticker.tick()
    wanted = _not_ended(app)

    def look(rows: Sequence[RowMapping]) -> None:
        """Another slot comes while the first run ends."""
        if len(launcher.launched) == 1:
            end(launcher, launcher.launched[0][0], launcher.handles()[0])
            execute(engine, "update load_states set next_slot_at = now()")

    assert [row["state"] for row in follow(app, wanted, look)] == ["succeeded"]
    assert {row["state"] for row in rows(engine, "select state from runs")} <= {"succeeded", "skipped", "running"}
