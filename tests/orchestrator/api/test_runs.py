"""`/runs`, and what has a config run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.configs import add_config, execute, rows
from tests.support.fakes import ScriptedLauncher, end, error
from worker.contract.run_folder import RunFolder, local_path

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.tick import Ticker
    from tests.support.asgi import Client

ALIAS = "/api/etl/sources/{}/scheduler-webhook"
SCHEDULER = {"X-CloudScheduler-JobName": "etl-job-5", "X-CloudScheduler-ScheduleTime": "2026-11-20T09:00:00Z"}


def _ids(answer: Any) -> list[str]:  # noqa: ANN401 - httpx's, which is the client's affair
    return [run["id"] for run in answer.json()["runs"]]


def test_run_is_launched_at_once(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet", run_every=None)
    answer = api.post("/configs/sheet/run")
    run = answer.json()
    assert answer.status_code == 202
    assert (run["state"], run["trigger"], run["config"], run["requested_by"]) == ("running", "manual", "sheet", "api")
    assert answer.headers["Location"] == f"/runs/{run['id']}"
    assert [str(launched.id) for launched, _ in launcher.launched] == [run["id"]]


@pytest.mark.parametrize("slash", ["", "/"])
def test_path_of_the_older_system_runs_the_config(api: Client, engine: Engine, slash: str) -> None:
    config_id = add_config(engine, "sheet", run_every=None)
    answer = api.post(ALIAS.format(config_id) + slash, follow_redirects=False)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")


@pytest.mark.parametrize("headers", [{"Idempotency-Key": "k"}, SCHEDULER], ids=["key", "scheduler"])
@pytest.mark.parametrize("path", ["/configs/{}/run", ALIAS, ALIAS + "/"])
def test_same_request_again_is_the_same_run(
    api: Client, engine: Engine, launcher: ScriptedLauncher, headers: dict[str, str], path: str
) -> None:
    config_id = add_config(engine, "sheet", run_every=None)
    runs = {api.post(path.format(config_id), headers=headers).json()["id"] for _ in range(3)}
    assert len(runs) == len(launcher.launched) == 1


def test_another_time_of_the_scheduler_is_another_run(api: Client, engine: Engine) -> None:
    add_config(engine, "sheet", run_every=None)
    later = SCHEDULER | {"X-CloudScheduler-ScheduleTime": "2026-11-20T10:00:00Z"}
    runs = {api.post("/configs/sheet/run", headers=headers).json()["id"] for headers in (SCHEDULER, later)}
    assert len(runs) == 2


def test_second_run_waits_behind_the_live_one(api: Client, engine: Engine) -> None:
    add_config(engine, "sheet", run_every=None)
    states = [api.post("/configs/sheet/run").json()["state"] for _ in range(2)]
    assert states == ["running", "queued"]


def test_run_is_kept_when_it_cannot_be_launched_now(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet", run_every=None)
    launcher.refusal = "no such program"
    run = api.post("/configs/sheet/run").json()
    assert (run["state"], run["attempt"]) == ("queued", 1)
    assert run["error"] == "it could not be launched: no such program"


def test_backfill_has_its_days(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "stocks", kind="stock_prices", source={"tickers": ["AAPL"]}, run_every=None)
    days = {"start_date": "2026-01-01", "end_date": "2026-01-31"}
    answer = api.post("/configs/stocks/backfill", json=days)
    assert (answer.status_code, answer.json()["parameters"]) == (202, days)
    environment = launcher.launched[0][1]
    assert (environment["START_DATE"], environment["END_DATE"]) == ("2026-01-01", "2026-01-31")


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"start_date": "2026-01-01"}, 422, "end_date"),
        ({"start_date": "2026-02-30", "end_date": "2026-03-01"}, 422, "start_date"),
        ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, 409, "end_date"),
        ({"start_date": "2026-01-01", "end_date": "2026-01-31"}, 409, "sheet"),
    ],
)
def test_backfill_that_makes_no_sense_is_refused(
    api: Client, engine: Engine, body: dict[str, str], status: int, where: str
) -> None:
    add_config(engine, "sheet")
    answer = api.post("/configs/sheet/backfill", json=body)
    assert (answer.status_code, answer.json()["error"]["faults"][0]["where"]) == (status, where)
    assert rows(engine, "select from runs") == []


def test_list_is_paged_and_filtered(api: Client, engine: Engine, ticker: Ticker) -> None:
    for i in range(7):
        add_config(engine, f"c{i}")
    ticker.tick()
    first = api.get("/runs?limit=4")
    second = api.get("/runs", params={"limit": 4, "before": first.json()["next"]})
    assert len({*_ids(first), *_ids(second)}) == 7
    assert second.json()["next"] is None
    assert len(_ids(api.get("/runs?state=running"))) == 5
    assert len(_ids(api.get("/runs?state=running&state=queued"))) == 7
    assert len(_ids(api.get("/runs?config=c3"))) == 1


@pytest.mark.parametrize(
    ("query", "status", "where"),
    [
        ("state=sleeping", 422, "state.0"),
        ("limit=0", 422, "limit"),
        ("before=xyz", 422, "before"),
        ("before=%00%ff", 422, "before"),
        ("config=gone", 404, "config"),
    ],
)
def test_list_of_what_makes_no_sense_is_refused(api: Client, query: str, status: int, where: str) -> None:
    answer = api.get(f"/runs?{query}")
    assert (answer.status_code, answer.json()["error"]["faults"][0]["where"]) == (status, where)


def test_run_is_shown_whole_without_secrets(
    api: Client, engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    source = {"url": "https://docs.google.com/spreadsheets/d/1abc/edit", "tab": "x"}
    add_config(engine, "sheet", source=source, description='{"password": "hunter2"}')
    ticker.tick()
    execute(engine, "update runs set spec = jsonb_set(spec, '{source,api_key}', '\"hunter2\"')")
    run, _ = launcher.launched[0]
    answer = api.get(f"/runs/{str(run.id)[:8]}")
    shown = answer.json()
    assert (shown["id"], shown["handle"], shown["spec"]["source"]["tab"]) == (str(run.id), launcher.handles()[0], "x")
    assert shown["spec"]["source"]["api_key"] == "***"


def test_ended_run_says_how(api: Client, engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet", max_attempts=1)
    ticker.tick()
    run, _ = launcher.launched[0]
    end(launcher, run, launcher.handles()[0], 75, error=error("unavailable", "Sheets: expected an answer, got 503"))
    ticker.tick()
    shown = api.get(f"/runs/{run.id}").json()
    assert (shown["state"], shown["error_kind"]) == ("failed", "unavailable")
    assert shown["error"] == "Sheets: expected an answer, got 503"
    assert shown["ended_at"]


def test_log_is_what_the_worker_left(api: Client, engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet")
    ticker.tick()
    run, _ = launcher.launched[0]
    assert api.get(f"/runs/{run.id}/log").status_code == 404
    RunFolder(str(run.spec.run_folder)).save_log(1, b'{"message": "done"}\n')
    answer = api.get(f"/runs/{run.id}/log")
    assert (answer.content, answer.headers["Content-Type"]) == (b'{"message": "done"}\n', "application/x-ndjson")
    assert api.get(f"/runs/{run.id}/log?attempt=2").status_code == 404


def test_log_of_a_running_run_is_what_it_has_printed_so_far(
    api: Client, engine: Engine, ticker: Ticker, launcher: ScriptedLauncher
) -> None:
    add_config(engine, "sheet")
    ticker.tick()
    run, _ = launcher.launched[0]
    folder = local_path(str(run.spec.run_folder))
    folder.mkdir(parents=True)
    (folder / "output-1.log").write_text("so far")
    (folder.parent / "secret").write_text("hunter2")
    execute(engine, "update runs set log_uri = :uri", uri=f"{run.spec.run_folder}/output-1.log")
    assert api.get(f"/runs/{run.id}/log").text == "so far"
    execute(engine, "update runs set log_uri = :uri", uri=f"{run.spec.run_folder}/../secret")
    assert api.get(f"/runs/{run.id}/log").status_code == 404


def test_waiting_run_is_cancelled_and_a_cancelled_one_is_409(api: Client, engine: Engine) -> None:
    add_config(engine, "sheet", run_every=None)
    api.post("/configs/sheet/run")
    waiting = api.post("/configs/sheet/run").json()["id"]
    answer = api.post(f"/runs/{waiting}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    assert api.post(f"/runs/{waiting}/cancel").status_code == 409


def test_cancel_reaches_the_execution(api: Client, engine: Engine, launcher: ScriptedLauncher) -> None:
    add_config(engine, "sheet", run_every=None)
    run = api.post("/configs/sheet/run").json()["id"]
    answer = api.post(f"/runs/{run}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert launcher.cancelled == launcher.handles()


@pytest.mark.parametrize("path", ["/runs/gone", "/runs/00000000", "/runs/gone/log"])
def test_run_that_is_not_there_is_404(api: Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error"]["faults"][0]["where"]) == (404, "run")
