"""`POST /tick`."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.configs import add_config, rows
from tests.support.fakes import ScriptedLauncher, end

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.app import App
    from tests.support.asgi import Client


def test_tick_launches_what_is_due(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet")
    answer = api.post("/tick")
    assert (answer.status_code, answer.json()["counts"]["launched"], answer.json()["live"]) == (200, 1, 1)
    assert len(launcher.launched) == 1


def test_dry_run_says_what_would_happen_and_does_nothing(
    api: Client, engine: Engine, launcher: ScriptedLauncher
) -> None:
    add_config(engine, "sheet")
    (line,) = api.post("/tick?dry_run=true").json()["explanations"]
    assert (line["config"], line["action"]) == ("sheet", "launch")
    assert line["why"].startswith("due since ")
    assert line["environment"]["CONFIG_NAME"] == "sheet"
    assert (launcher.launched, rows(engine, "select from runs")) == ([], [])


@pytest.mark.parametrize("query", ["", "&dry_run=true"])
def test_lower_limit_wins(api: Client, engine: Engine, query: str) -> None:
    for i in range(9):
        add_config(engine, f"c{i}")
    assert api.post(f"/tick?max_parallel_jobs=2{query}").json()["counts"]["claimed"] == 2


def test_higher_limit_than_the_servers_is_none(api: Client, engine: Engine) -> None:
    for i in range(9):
        add_config(engine, f"c{i}")
    assert api.post("/tick?max_parallel_jobs=100").json()["counts"]["launched"] == 5


@pytest.mark.parametrize("query", ["max_parallel_jobs=0", "max_parallel_jobs=x", "run=x", "dry_run=perhaps"])
def test_parameter_that_makes_no_sense_is_422(api: Client, query: str) -> None:
    answer = api.post(f"/tick?{query}")
    assert (answer.status_code, answer.json()["error"]["faults"][0]["where"]) == (422, query.partition("=")[0])


def test_hint_of_a_run_frees_its_slot_for_the_next(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    for name in ("a", "b"):
        add_config(engine, name)
    api.post("/tick?max_parallel_jobs=1")
    run, _ = launcher.launched[0]
    end(launcher, run, launcher.handles()[0])
    answer = api.post(f"/tick?run={run.id}")
    assert (answer.status_code, answer.json()) == (202, {"accepted": str(run.id)})
    states = {row["config_name"]: row["state"] for row in rows(engine, "select config_name, state from runs")}
    assert states == {run.config_name: "succeeded", ({"a", "b"} - {run.config_name}).pop(): "running"}


def test_hint_of_a_run_that_nobody_knows_harms_nobody(api: Client) -> None:
    assert api.post("/tick?run=00000000-0000-0000-0000-000000000000").status_code == 202


def test_many_at_once_double_nothing(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    for i in range(5):
        add_config(engine, f"c{i}")
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda _: api.post("/tick").status_code, range(16)))
    assert answers == [200] * 16
    assert len(launcher.launched) == 5


def test_dry_run_gives_way_to_a_tick_that_holds_the_lock(api: Client, app: App) -> None:
    with app.engine.begin() as tick:
        tick.exec_driver_sql("select pg_advisory_xact_lock(1399616867)")
        answer = api.post("/tick?dry_run=true")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert json.loads(answer.content)["error"]["faults"][0]["got"] == "one that a tick holds"
