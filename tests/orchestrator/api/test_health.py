"""Health, metrics, errors nobody foresaw, and what the pages say about it all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

from orchestrator.api import create_api
from orchestrator.app import App
from tests.support.asgi import Client, client_of
from tests.support.configs import add_config, execute
from tests.support.fakes import RecordingNotifier, ScriptedLauncher, end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from orchestrator.settings import Settings
    from orchestrator.tick import Ticker


def _metrics(api: Client) -> dict[str, float]:
    answer = api.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = (line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(number) for name, number in samples}


@contextmanager
def _api_on(database_url: str, settings: Settings) -> Iterator[Client]:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg2://"))
    app = App.of(settings, engine, ScriptedLauncher(), RecordingNotifier())
    with client_of(create_api(app)) as client:
        yield client
    engine.dispose()


def test_healthy_and_ready(api: Client) -> None:
    assert (api.get("/healthz").status_code, api.get("/readyz").status_code) == (200, 200)


def test_without_tables_it_is_alive_and_not_ready(postgres_url: str, settings: Settings) -> None:
    with _api_on(postgres_url, settings) as api:
        assert api.get("/healthz").status_code == 200
        answer = api.get("/readyz")
    assert answer.status_code == 503
    assert "run `sluice migrate`" in answer.json()["error"]["message"]


def test_without_a_database_it_is_alive_and_everything_else_says_try_again(settings: Settings) -> None:
    with _api_on("postgresql://me:hunter2@127.0.0.1:1/x", settings) as api:
        assert api.get("/healthz").status_code == 200
        for answer in (api.get("/readyz"), api.get("/configs"), api.post("/tick")):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert "hunter2" not in answer.text


def test_error_that_nobody_foresaw_is_json_without_a_trace(api: Client, engine: Engine) -> None:
    execute(engine, "drop table ticks cascade")
    answer = api.post("/tick")
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"message": "POST /tick: nobody foresaw this error; see the server's log", "faults": []}
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nope", 404), ("DELETE", "/tick", 405)])
def test_what_no_endpoint_is_reached_by_is_the_same_shape(api: Client, method: str, path: str, status: int) -> None:
    answer = api.request(method, path)
    assert (answer.status_code, answer.json()["error"]["faults"][0]["where"]) == (status, "request")


def test_metrics_before_the_first_tick_claim_no_age(api: Client) -> None:
    metrics = _metrics(api)
    assert metrics["sluice_parallel_jobs_limit"] == 5
    assert metrics["sluice_queue_depth"] == 0
    assert not [name for name in metrics if "last_tick" in name]


def test_metrics_say_how_it_goes(api: Client, engine: Engine, ticker: Ticker, launcher: ScriptedLauncher) -> None:
    for name in ("a", "b", "c"):
        add_config(engine, name)
    add_config(engine, "bad", source={})
    ticker.tick(max_parallel_jobs=2)
    end(launcher, launcher.launched[0][0], launcher.handles()[0])
    ticker.tick(max_parallel_jobs=1)
    execute(engine, "update ticks set started_at = now() - interval '90 seconds'")
    expected = {
        "sluice_configs": 4,
        "sluice_configs_quarantined": 1,
        "sluice_queue_depth": 1,
        "sluice_live_runs": 1,
        'sluice_runs{state="running"}': 1,
        'sluice_runs{state="queued"}': 1,
        'sluice_runs_ended_last_hour{state="succeeded"}': 1,
        'sluice_runs_ended_last_hour{state="failed"}': 0,
        "sluice_alerts_dead": 0,
    }
    metrics = _metrics(api)
    assert {name: metrics[name] for name in expected} == expected
    assert 90 <= metrics["sluice_last_tick_age_seconds"] < 120
    assert metrics["sluice_last_tick_seconds"] > 0


def _operations(api: Client) -> dict[str, dict[str, Any]]:
    paths = api.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": told for path, methods in paths.items() for method, told in methods.items()}


def test_every_operation_is_there_and_has_examples(api: Client) -> None:
    operations = _operations(api)
    assert operations.keys() == {
        "POST /tick",
        "GET /configs",
        "POST /configs",
        "POST /configs/check",
        "GET /configs/{name}",
        "PATCH /configs/{name}",
        "DELETE /configs/{name}",
        "POST /configs/{name}/check",
        "POST /configs/{name}/pause",
        "POST /configs/{name}/resume",
        "POST /configs/{name}/run",
        "POST /configs/{name}/backfill",
        "POST /api/etl/sources/{name}/scheduler-webhook/",
        "GET /runs",
        "GET /runs/{run}",
        "GET /runs/{run}/log",
        "POST /runs/{run}/cancel",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }
    for name, told in operations.items():
        for status, answer in told["responses"].items():
            if status != "204":
                assert any("example" in content for content in answer["content"].values()), f"{name} {status}"
        if "requestBody" in told:
            assert told["requestBody"]["content"]["application/json"]["examples"], name
        assert told["summary"], name


def test_examples_of_the_pages_work(api: Client) -> None:
    """What a page shows is what the API takes."""
    operations = _operations(api)

    def bodies(operation: str) -> list[Any]:
        examples = operations[operation]["requestBody"]["content"]["application/json"]["examples"]
        return [example["value"] for example in examples.values()]

    for body in bodies("POST /configs"):
        assert api.post("/configs", json=body).status_code == 201
    for body in bodies("PATCH /configs/{name}"):
        assert api.patch("/configs/my_google_sheet", json=body).status_code == 200
    for body in bodies("POST /configs/{name}/backfill"):
        assert api.post("/configs/my_stock_prices/backfill", json=body).status_code == 202
