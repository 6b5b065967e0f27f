"""`sluice tick`, `run`, `backfill`, `runs` and `status`, with real workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.configs import add_config, execute, rows

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.orchestrator.cli.conftest import Sluice

# A real worker rejects it at once, without a network: the variable is not set.
UNREACHABLE: dict[str, Any] = {
    "kind": "postgresql",
    "source": {"connection": "env://NOWHERE_DATABASE_URL", "table": "orders"},
}


def test_tick_waits_for_what_it_launched_and_says_how_it_went(run: Sluice, engine: Engine) -> None:
    for name in ("a", "b"):
        add_config(engine, name, **UNREACHABLE)
    done = run("tick", "--wait", "--max-parallel-jobs", "1", code=1)
    told = [line.split("\t")[1:3] for line in done.stdout.splitlines() if "\t" in line]
    assert [(name, state) for name, state in told if state == "rejected"] == [("a", "rejected"), ("b", "rejected")]
    assert "NOWHERE_DATABASE_URL" in done.stdout
    assert {row["state"] for row in rows(engine, "select state from runs")} == {"rejected"}


def test_run_waits_and_its_log_and_all_about_it_can_be_seen(run: Sluice, engine: Engine) -> None:
    add_config(engine, "shop", run_every=None, **UNREACHABLE)
    run("run", "shop", "--wait", code=1)
    (listed,) = run("runs", "list", "--config", "shop", "--json")
    assert (listed["state"], listed["trigger"], listed["error_kind"]) == ("rejected", "manual", "configuration")
    beginning = listed["id"][:8]
    assert run("runs", "show", beginning, "--json")["spec"]["name"] == "shop"
    assert "error\t" in run("runs", "show", beginning).stdout
    assert '"severity": "ERROR"' in run("runs", "logs", beginning).stdout
    assert run("status", "--json")["troubled"][0]["name"] == "shop"
    assert "shop failed once" in run("status").stdout


def test_run_of_a_config_that_is_not_there_ends_with_3(run: Sluice) -> None:
    assert "config: expected a name or id, got 'gone'" in run("run", "gone", code=3).stderr


def test_dry_run_shows_the_environment_and_changes_nothing(run: Sluice, engine: Engine) -> None:
    add_config(engine, "shop", **UNREACHABLE)
    add_config(engine, "later", run_every=None, **UNREACHABLE)
    shown = run("tick", "--dry-run").stdout
    assert "launch\tshop\tdue since " in shown
    assert "idle\tlater\ton demand only" in shown
    assert '  SOURCE={"table":"orders","connection":"env://NOWHERE_DATABASE_URL"}' in shown
    lines = {line["config"]: line["action"] for line in run("tick", "--dry-run", "--json")["explanations"]}
    assert lines == {"shop": "launch", "later": "idle"}
    assert rows(engine, "select from runs") == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("shop", "--start-date", "2026-01-01", "--end-date", "2026-01-31"), 1, "expected a kind with a range of days"),
        (("stocks", "--start-date", "2026-02-01", "--end-date", "2026-01-31"), 1, "swap them"),
        (("stocks", "--start-date", "2026-02-30", "--end-date", "2026-03-01"), 2, "'2026-02-30' does not match"),
        (("stocks", "--start-date", "2026-01-01"), 2, "--end-date"),
        (("gone", "--start-date", "2026-01-01", "--end-date", "2026-01-31"), 3, "got 'gone'"),
    ],
)
def test_backfill_that_makes_no_sense_is_refused(
    run: Sluice, engine: Engine, arguments: tuple[str, ...], code: int, said: str
) -> None:
    add_config(engine, "shop", **UNREACHABLE)
    add_config(engine, "stocks", kind="stock_prices", source={"tickers": ["AAPL"]})
    assert said in run("backfill", *arguments, code=code).stderr
    assert rows(engine, "select from runs") == []


def _add_runs(engine: Engine, count: int) -> None:
    execute(
        engine,
        "insert into runs (id, config_name, trigger, state, queued_at) select gen_random_uuid(), 'x', 'manual', "
        "'queued', now() - n * interval '1 minute' from generate_series(1, :count) n",
        count=count,
    )


def test_runs_are_listed_newest_first_up_to_a_limit(run: Sluice, engine: Engine) -> None:
    _add_runs(engine, 25)
    assert len(run("runs", "list", "--json")) == 20
    listed = run("runs", "list", "--limit", "3", "--json")
    assert [run["queued_at"] for run in listed] == sorted((run["queued_at"] for run in listed), reverse=True)
    assert len(listed) == 3
    assert run("runs", "list", "--state", "failed", "--json") == []
    assert len(run("runs", "list", "--limit=2").stdout.splitlines()) == 3
    assert "expected one of queued, launching" in run("runs", "list", "--state", "lost", code=2).stderr


def test_waiting_run_is_cancelled_and_cannot_be_again(run: Sluice, engine: Engine) -> None:
    add_config(engine, "shop", is_active=False, **UNREACHABLE)
    execute(
        engine,
        "insert into runs (id, config_id, config_name, trigger, state, slot_at) "
        "select gen_random_uuid(), id, name, 'schedule', 'queued', now() from load_configs",
    )
    (waiting,) = run("runs", "list", "--json")
    assert run("runs", "cancel", waiting["id"]).stdout == f"{waiting['id']} is cancelled\n"
    assert "got one that is cancelled" in run("runs", "cancel", waiting["id"], code=1).stderr


@pytest.mark.parametrize("command", ["show", "cancel", "logs"])
def test_run_that_is_not_there_ends_with_3(run: Sluice, command: str) -> None:
    assert "run: expected an id, or its beginning, got 'abc'" in run("runs", command, "abc", code=3).stderr


def test_log_of_a_run_that_was_not_launched_ends_with_3(run: Sluice, engine: Engine) -> None:
    _add_runs(engine, 1)
    (waiting,) = run("runs", "list", "--json")
    assert "expected one that was launched, got one that is queued" in run("runs", "logs", waiting["id"], code=3).stderr


def test_status_before_anything(run: Sluice) -> None:
    shown = run("status").stdout
    assert "configs\t0, 0 active\n" in shown
    assert "last tick\tnever; run `sluice tick`" in shown
