"""Runs that are asked for, paged, found and cancelled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from orchestrator.errors import NotFound, Refused
from orchestrator.model import RunState
from tests.support.configs import add_config, execute, rows

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from orchestrator.app import App
    from orchestrator.history import History
    from orchestrator.tick import Ticker
    from tests.support.fakes import ScriptedLauncher

DAYS = (date(2026, 1, 1), date(2026, 1, 31))


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def history(app: App, connection: Connection) -> History:
    return app.history(connection)


def _add_runs(engine: Engine, count: int) -> None:
    """Many at the same instant, and the ids in no order."""
    execute(
        engine,
        "insert into runs (id, config_name, trigger, state, queued_at, ended_at) "
        "select gen_random_uuid(), 'x', 'manual', case when n % 3 = 0 then 'failed' else 'succeeded' end, "
        "cast(:at as timestamptz) + (n / 10) * interval '1 second', now() from generate_series(1, :count) n",
        count=count,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_request_is_queued_and_the_same_key_is_the_same_run(engine: Engine, history: History) -> None:
    config_id = add_config(engine, "sheet", run_every=None)
    first = history.request("sheet", requested_by="me", key="k")
    assert history.request(str(config_id), requested_by="you", key="k") == first
    assert history.request("sheet", requested_by="me") != first
    row = history.find(str(first))
    assert (row["state"], row["trigger"], row["requested_by"]) == ("queued", "manual", "me")


def test_request_of_a_config_in_quarantine_is_refused_with_the_reason(engine: Engine, app: App, ticker: Ticker) -> None:
    add_config(engine, "sheet", source={})
    ticker.tick()
    with engine.connect() as connection, pytest.raises(Refused, match=r"got one in quarantine: source\.url: expected"):
        app.history(connection).request("sheet", requested_by="me")


def test_backfill_carries_its_days(engine: Engine, history: History) -> None:
    add_config(engine, "stocks", kind="stock_prices", source={"tickers": ["AAPL"]}, run_every=None)
    run = history.backfill("stocks", *DAYS, requested_by="me", key="k")
    assert history.find(str(run))["parameters"] == {"start_date": "2026-01-01", "end_date": "2026-01-31"}
    assert history.backfill("stocks", *DAYS, requested_by="me", key="k") == run


def test_key_of_another_backfill_is_refused(engine: Engine, history: History) -> None:
    add_config(engine, "stocks", kind="stock_prices", source={"tickers": ["AAPL"]}, run_every=None)
    history.backfill("stocks", *DAYS, requested_by="me", key="k")
    with pytest.raises(Refused, match="idempotency key: expected a new one"):
        history.backfill("stocks", DAYS[0], DAYS[0], requested_by="me", key="k")


def test_backfill_without_a_range_or_backwards_is_refused(engine: Engine, history: History) -> None:
    add_config(engine, "sheet")
    with pytest.raises(Refused, match="sheet: expected a kind with a range of days for a backfill, got google_sheet"):
        history.backfill("sheet", *DAYS, requested_by="me")
    with pytest.raises(Refused, match="end_date: expected 2026-01-31 or later, got 2026-01-01; swap them"):
        history.backfill("sheet", *reversed(DAYS), requested_by="me")


def test_pages_have_every_run_once_newest_first(engine: Engine, history: History) -> None:
    _add_runs(engine, 107)
    seen: list[uuid.UUID] = []
    page = history.page(limit=10)
    while True:
        seen += [row["id"] for row in page.runs]
        if page.next is None:
            break
        page = history.page(limit=10, before=page.next)
    assert seen == [row["id"] for row in rows(engine, "select id from runs order by queued_at desc, id desc")]


def test_runs_that_come_meanwhile_do_not_shift_later_pages(engine: Engine, history: History) -> None:
    _add_runs(engine, 20)
    first = history.page(limit=10)
    execute(engine, "update runs set queued_at = now() where id = :id", id=first.runs[-1]["id"])
    second = history.page(limit=10, before=first.next)
    assert not {row["id"] for row in first.runs} & {row["id"] for row in second.runs}
    assert len(second.runs) == 10


def test_page_is_of_a_state_and_of_a_config(engine: Engine, history: History) -> None:
    config_id = add_config(engine, "sheet")
    _add_runs(engine, 9)
    asked = history.request("sheet", requested_by="me")
    assert {row["state"] for row in history.page(states=[RunState.FAILED]).runs} == {"failed"}
    assert [row["id"] for row in history.page(config_id=config_id).runs] == [asked]


def test_run_is_found_by_the_beginning_of_its_id(engine: Engine, history: History) -> None:
    add_config(engine, "sheet")
    run = history.request("sheet", requested_by="me")
    for beginning in (str(run), str(run)[:8], str(run)[:13], str(run).upper()):
        assert history.find(beginning)["id"] == run


@pytest.mark.parametrize("run", ["", "xyz", "-", "0" * 33, "a\0"])
def test_what_is_no_id_is_not_found(history: History, run: str) -> None:
    with pytest.raises(NotFound, match=r"run: expected an id, or its beginning, got .*, which is none"):
        history.find(run)


def test_beginning_of_several_ids_says_so(engine: Engine, history: History) -> None:
    for tail in "12":
        execute(
            engine,
            "insert into runs (id, config_name, trigger, state) values (:id, 'x', 'manual', 'queued')",
            id=f"abcdef00-0000-0000-0000-00000000000{tail}",
        )
    with pytest.raises(NotFound, match="which several runs have"):
        history.find("abcdef")


def test_waiting_run_is_cancelled_at_once(engine: Engine, history: History) -> None:
    add_config(engine, "sheet")
    run = history.request("sheet", requested_by="me")
    assert history.cancel(str(run)) is RunState.CANCELLED
    with pytest.raises(Refused, match="expected one that has not ended, got one that is cancelled"):
        history.cancel(str(run))


def test_running_run_is_asked_to_end_by_the_next_tick(
    engine: Engine, app: App, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, "sheet")
    ticker.tick()
    with engine.begin() as connection:
        run = app.history(connection).page().runs[0]["id"]
        assert app.history(connection).cancel(str(run)) is RunState.RUNNING
    ticker.tick()
    assert launcher.cancelled == launcher.handles()


def test_status_counts_and_names_what_needs_a_person(engine: Engine, app: App, ticker: Ticker) -> None:
    add_config(engine, "bad", source={})
    add_config(engine, "good")
    add_config(engine, "paused", is_active=False)
    ticker.tick()
    execute(
        engine,
        "insert into alerts (id, key, kind, config_name, body, dead_at, error) "
        "values (gen_random_uuid(), 'k', 'failure', 'good', '{}', now(), 'channel_not_found')",
    )
    with engine.connect() as connection:
        history = app.history(connection)
        status = history.status()
        assert [row["name"] for row in history.troubled_configs()] == ["bad"]
        assert [row["error"] for row in history.dead_alerts()] == ["channel_not_found"]
        assert history.unfinished_by_state() == {"running": 1}
    counted = {name: status[name] for name in ("configs", "active", "quarantined", "live", "queued", "alerts_dead")}
    assert counted == {"configs": 3, "active": 2, "quarantined": 1, "live": 1, "queued": 0, "alerts_dead": 1}
    assert timedelta(0) <= status["now"] - status["last_tick_at"] < timedelta(minutes=1)


def test_recent_ends_are_what_ticks_counted_in_the_last_hour(
    engine: Engine, history: History, connection: Connection
) -> None:
    for age, counts in (
        (5, '{"succeeded": 2, "launched": 9}'),
        (30, '{"succeeded": 1, "failed": 1}'),
        (90, '{"failed": 5}'),
    ):
        connection.execute(
            text(
                "insert into ticks (id, started_at, seconds, counts, complete) "
                "values (gen_random_uuid(), now() - make_interval(mins => :age), 0.1, cast(:counts as jsonb), true)"
            ),
            {"age": age, "counts": counts},
        )
    assert history.recent_ends() == {"succeeded": 3, "failed": 1}


def test_cancel_is_not_refused_because_a_tick_puts_the_run_back_meanwhile(
    engine: Engine, history: History, ticker: Ticker
) -> None:
    add_config(engine)
    ticker.tick()
    [run] = rows(engine, "select id from runs")

    def put_back(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "cancel_requested_at = coalesce" in statement:
            execute(engine, "update runs set state = 'queued' where state = 'running'")

    event.listen(engine, "before_cursor_execute", put_back)
    assert history.cancel(str(run["id"])) is RunState.CANCELLED
