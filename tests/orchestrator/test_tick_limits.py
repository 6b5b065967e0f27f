"""What a tick may not do: wait for an admin, do more for more rows, or announce what it will not do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text

from orchestrator.tick import Ticker, TickSettings
from tests.support.configs import add_config, execute, insert_config, rows
from tests.support.fakes import RecordingNotifier, ScriptedLauncher, end, error
from tests.support.ticks import finish, runs_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine


# An admin's open transaction blocks nothing


@pytest.mark.parametrize(
    "hold",
    [
        "update load_configs set priority = 3 where name = 'held'",
        "delete from load_configs where name = 'held'",
        "select 1 from load_configs where name = 'held' for update",
        "update load_states set cursor = null",
        "lock table load_configs in row exclusive mode",
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_open_transaction_of_an_admin_blocks_no_tick(
    engine: Engine,
    launcher: ScriptedLauncher,
    notifier: RecordingNotifier,
    tick_settings: TickSettings,
    hold: str,
    live: bool,
) -> None:
    add_config(engine, "held")
    ticker = Ticker(engine, launcher, notifier, tick_settings)
    if live:
        ticker.tick()
        finish(launcher)
    with engine.connect() as admin:
        admin.execute(text(hold))
        add_config(engine, "other")
        assert _within(engine, lambda: ticker.tick().counts["launched"] >= 1)
        admin.commit()
    ticker.tick()
    unfinished = rows(engine, "select from runs where state = 'running' and config_name = 'held'")
    assert len(unfinished) == (0 if live or "delete" in hold else 1)


def test_tick_whose_budget_ended_waits_for_no_admin_either(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    add_config(engine, "held")
    add_config(engine, "other")
    late = Ticker(engine, launcher, notifier, replace(tick_settings, budget=timedelta(seconds=-1)))
    with engine.connect() as admin:

        def hold(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if "'queued', attempt = r.attempt - 1" in statement:
                admin.execute(text("select from runs where config_name = 'held' for update"))

        event.listen(engine, "before_cursor_execute", hold)
        assert _within(engine, lambda: not late.tick().complete)
        event.remove(engine, "before_cursor_execute", hold)
    assert {run["config_name"]: run["state"] for run in runs_of(engine)} == {"held": "launching", "other": "queued"}


def test_tick_touches_no_state_of_a_config_whose_data_is_fresh(engine: Engine, ticker: Ticker) -> None:
    add_config(engine, fresh_within="1 hour")
    ticker.tick()
    before = rows(engine, "select ctid, xmin, xmax from load_states")
    ticker.tick()
    assert rows(engine, "select ctid, xmin, xmax from load_states") == before


def _within(engine: Engine, act: Callable[[], bool]) -> bool:
    """Act with a short lock timeout on every connection, so that waiting for a lock is an error at once."""

    @event.listens_for(engine, "connect")
    def impatient(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg2's own
        connection.cursor().execute("set lock_timeout = '300ms'")
        connection.commit()

    engine.dispose(close=False)
    try:
        return act()
    finally:
        event.remove(engine, "connect", impatient)


# Constant work


def _statements(engine: Engine, act: Callable[[], object]) -> int:
    seen: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    act()
    event.remove(engine, "before_cursor_execute", count)
    return len(seen)


def test_tick_runs_the_same_number_of_statements_for_one_row_and_for_many(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> None:
    ticker = Ticker(engine, launcher, notifier, replace(tick_settings, max_parallel_jobs=1000))

    def cycle(count: int) -> tuple[int, int]:
        with engine.begin() as connection:
            for i in range(count):
                insert_config(connection, f"c{count}-{i}")
        launched = _statements(engine, ticker.tick)
        for run, _ in launcher.launched[-count:]:
            end(launcher, run, next(h for h in launcher.handles() if str(run.id) in h))
        return launched, _statements(engine, ticker.tick)

    assert cycle(1) == cycle(60)


# Promise 6: a dry run is the real code up to the commit


def _dump(engine: Engine) -> dict[str, list[str]]:
    names = [row["t"] for row in rows(engine, "select tablename as t from pg_tables where schemaname = 'public'")]
    return {name: sorted(str(row) for row in rows(engine, f"select * from {name}")) for name in names}


def _interesting(engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    """One config in every situation that a tick can meet."""
    for name in ("succeeds", "fails", "retries", "live"):
        add_config(engine, name, max_attempts=2 if name == "retries" else 1)
    ticker.tick(max_parallel_jobs=4)
    for run, handle in zip([run for run, _ in launcher.launched], launcher.handles(), strict=True):
        if run.config_name == "succeeds":
            end(launcher, run, handle)
        elif run.config_name in {"fails", "retries"}:
            end(launcher, run, handle, 75, error=error("unavailable"))
    for name in ("new1", "new2", "new3", "new4"):
        add_config(engine, name)
    add_config(engine, "bad", kind="nope")
    add_config(engine, "paused", is_active=False)
    add_config(engine, "on_demand", run_every=None)
    execute(engine, "update load_states set next_slot_at = now() - interval '1 hour' where next_slot_at is not null")


def test_dry_run_changes_nothing_and_announces_exactly_what_the_next_tick_does(
    engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    _interesting(engine, ticker, launcher)
    before, folders = _dump(engine), len(launcher.launched)
    announced = ticker.tick(dry_run=True)
    assert _dump(engine) == before
    assert len(launcher.launched) == folders
    real = ticker.tick()
    assert announced.counts == {key: real.counts[key] for key in announced.counts}
    launches = {
        (line.run_id, line.attempt): line.environment for line in announced.explanations if line.action == "launch"
    }
    assert launches == {(str(run.id), run.attempt): env for run, env in launcher.launched[folders:]}
    told = {line.config: line for line in announced.explanations if line.action in {"wait", "quarantine", "idle"}}
    assert "limit of 5" in told["new4"].why
    assert told["bad"].action == "quarantine"
    assert told["paused"].why == "paused"
    assert told["on_demand"].why == "on demand only"
    assert [line.config for line in announced.explanations if line.action == "follow"] == ["live"]
    settled = {line.config: line.why for line in announced.explanations if line.action == "settle"}
    assert settled["succeeds"] == "running → succeeded"
    assert settled["fails"].startswith("running → failed")
    assert settled["retries"].startswith("running → queued")
    states = {(run["config_name"], run["state"]) for run in runs_of(engine)}
    assert {("succeeds", "succeeded"), ("fails", "failed")} <= states


def test_dry_run_gives_up_rather_than_wait_for_a_real_tick(engine: Engine, ticker: Ticker) -> None:
    with engine.begin() as tick_in_progress:
        tick_in_progress.execute(text("select pg_advisory_xact_lock(1399616867)"))
        with pytest.raises(Exception, match="lock timeout"):
            ticker.tick(dry_run=True)


def test_dry_run_shows_no_secret(engine: Engine, ticker: Ticker) -> None:
    add_config(engine, source={"url": "https://docs.google.com/spreadsheets/d/1/edit?x=https://me:hunter2@host/"})
    text_of_it = str(ticker.tick(dry_run=True).explanations)
    assert "hunter2" not in text_of_it
