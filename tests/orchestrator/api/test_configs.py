"""`/configs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.example_configs import FLAT_CONFIG, example_config
from tests.support.configs import SHEET_URL, add_config, execute
from worker.contract.options import kinds

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.tick import Ticker
    from tests.support.asgi import Client

SHEET: dict[str, Any] = {
    "name": "sheet",
    "kind": "google_sheet",
    "source": {"url": SHEET_URL},
    "destination_table": "t",
    "run_every": "6h",
}


def _error(answer: Any) -> tuple[int, list[dict[str, str]]]:  # noqa: ANN401 - httpx's, which is the client's affair
    body = answer.json()
    assert body.keys() == {"error"}
    return answer.status_code, body["error"]["faults"]


def test_created_config_is_shown_under_its_name_and_its_id(api: Client) -> None:
    created = api.post("/configs", json=SHEET)
    assert created.status_code == 201
    shown = created.json()
    assert created.headers["Location"] == f"/configs/{shown['id']}"
    assert shown | SHEET == shown
    assert api.get("/configs/sheet").json() == api.get(f"/configs/{shown['id']}").json() == shown


def test_flat_keys_of_a_sheet_job_are_taken(api: Client) -> None:
    shown = api.post("/configs", json=FLAT_CONFIG).json()
    assert shown["source"] == {"url": FLAT_CONFIG["google_sheet_url"], "tab": "Q4_Sales"}
    assert shown["metadata_columns"] is False


@pytest.mark.parametrize("kind", kinds())
def test_example_of_every_kind_is_taken(api: Client, kind: str) -> None:
    assert api.post("/configs", json=example_config(kind)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "where", "expected", "got"),
    [
        ({"kind": "fax"}, "kind", "one of google_sheet, postgresql, stock_prices", "'fax'"),
        ({"run_every": "often"}, "run_every", "a duration such as 15m, 6h, 1d or 90s", "'often'"),
        ({"run_every": None, "cron": "99 * * * *"}, "cron", None, None),
        ({"source": {"url": "https://example.org/x"}}, "source.url", None, "'https://example.org/x'"),
        ({"source": {"url": SHEET_URL, "tabs": 1}}, "source.tabs", "no such option", "a value"),
        ({"max_attempts": 99}, "max_attempts", "less than or equal to 20", "99"),
        ({"nme": "x"}, "nme", None, None),
        ({"name": None}, "name", "a valid string", "None"),
        ({"timeout": "400h"}, "timeout", None, "'400h'"),
    ],
)
@pytest.mark.parametrize("path", ["/configs", "/configs/check"])
def test_bad_config_is_422_with_field_expected_and_got(
    api: Client, path: str, fields: dict[str, Any], where: str, expected: str | None, got: str | None
) -> None:
    status, (fault,) = _error(api.post(path, json=SHEET | fields))
    assert status == 422
    assert fault["where"] == where
    assert expected in (None, fault["expected"])
    assert got in (None, fault["got"])
    assert fault["advice"]
    assert api.get("/configs").json()["configs"] == []


def test_every_fault_is_told_at_once(api: Client) -> None:
    bad = {"name": "p", "kind": "postgresql", "cron": "x", "source": {"connection": "postgresql://me:hunter2@db/x"}}
    answer = api.post("/configs", json=bad)
    assert {fault["where"] for fault in _error(answer)[1]} >= {"cron", "source.connection"}
    assert "hunter2" not in answer.text


def test_body_that_is_no_json_is_422(api: Client) -> None:
    status, faults = _error(api.post("/configs", content=b"{", headers={"Content-Type": "application/json"}))
    assert status == 422
    assert faults


def test_name_that_is_taken_is_409(api: Client) -> None:
    api.post("/configs", json=SHEET)
    status, (fault,) = _error(api.post("/configs", json=SHEET))
    assert (status, fault["where"], fault["got"]) == (409, "name", "'sheet'")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/configs/gone"),
        ("PATCH", "/configs/gone"),
        ("DELETE", "/configs/gone"),
        ("POST", "/configs/gone/pause"),
        ("POST", "/configs/gone/resume"),
        ("POST", "/configs/gone/check"),
        ("GET", "/configs/a%00b"),
    ],
)
def test_config_that_is_not_there_is_404(api: Client, method: str, path: str) -> None:
    status, (fault,) = _error(api.request(method, path, json={} if method == "PATCH" else None))
    assert (status, fault["where"]) == (404, "config")


def test_list_is_by_name_a_page_at_a_time(api: Client) -> None:
    for name in ("c", "a", "b"):
        api.post("/configs", json=SHEET | {"name": name})
    first = api.get("/configs?limit=2").json()
    assert [config["name"] for config in first["configs"]] == ["a", "b"]
    second = api.get(f"/configs?limit=2&after={first['next']}").json()
    assert [config["name"] for config in second["configs"]] == ["c"]
    assert second["next"] is None
    assert api.get("/configs?kind=postgresql").json()["configs"] == []


def test_patch_changes_what_it_names(api: Client) -> None:
    api.post("/configs", json=SHEET)
    changed = api.patch("/configs/sheet", json={"cron": "0 9 * * *", "timezone": "Europe/Kiev"})
    assert changed.status_code == 200
    shown = changed.json()
    assert (shown["run_every"], shown["cron"], shown["source"]) == (None, "0 9 * * *", SHEET["source"])


def test_patch_to_a_config_that_cannot_work_is_422_and_changes_nothing(api: Client) -> None:
    api.post("/configs", json=SHEET)
    before = api.get("/configs/sheet").json()
    status, faults = _error(api.patch("/configs/sheet", json={"cron": "0 9 * *"}))
    assert (status, faults[0]["where"]) == (422, "cron")
    assert api.get("/configs/sheet").json() == before


def test_pause_and_resume(api: Client) -> None:
    api.post("/configs", json=SHEET)
    assert api.post("/configs/sheet/pause").json()["is_active"] is False
    assert api.post("/configs/sheet/resume").json()["is_active"] is True


def test_deleted_config_is_gone(api: Client) -> None:
    api.post("/configs", json=SHEET)
    answer = api.delete("/configs/sheet")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get("/configs/sheet").status_code == 404


def test_check_tells_warnings_slots_and_the_environment(api: Client) -> None:
    api.post("/configs", json=SHEET)
    found = api.post("/configs/check", json=SHEET | {"name": "other"}).json()
    assert found["warnings"] == ["destination_table: t is written by sheet, too; give each a table of its own"]
    assert len(found["upcoming"]) == 5
    assert found["environment"]["GOOGLE_SHEET_URL"] == SHEET_URL
    assert api.post("/configs/sheet/check").json()["warnings"] == []


def test_row_that_makes_no_sense_is_shown_and_mended(api: Client, engine: Engine, ticker: Ticker) -> None:
    add_config(engine, "odd", custom_schema='"text"', metadata_columns='{"run_id": 7}')
    ticker.tick()
    shown = api.get("/configs").json()["configs"][0]
    assert (shown["custom_schema"], shown["metadata_columns"]) == ("text", {"run_id": 7})
    assert shown["quarantine_reason"]
    status, faults = _error(api.post("/configs/odd/check"))
    assert (status, faults[0]["where"]) == (422, "custom_schema")
    assert api.post("/configs/odd/pause").status_code == 200
    assert api.patch("/configs/odd", json={"custom_schema": None, "metadata_columns": None}).status_code == 200


def test_config_that_an_admin_holds_open_can_be_read(api: Client, engine: Engine) -> None:
    api.post("/configs", json=SHEET)
    with engine.begin() as connection:
        connection.exec_driver_sql("update load_configs set description = 'in the middle of something'")
        assert api.get("/configs/sheet").json()["description"] is None


def test_id_of_a_config_that_was_renamed_still_finds_it(api: Client, engine: Engine) -> None:
    config_id = api.post("/configs", json=SHEET).json()["id"]
    execute(engine, "update load_configs set name = 'other'")
    assert api.get(f"/configs/{config_id}").json()["name"] == "other"


def test_new_config_is_shown_even_if_another_is_named_like_its_id(api: Client) -> None:
    first = api.post("/configs", json=SHEET).json()["id"]
    api.post("/configs", json=SHEET | {"name": str(first + 2)})
    assert api.post("/configs", json=SHEET | {"name": "third"}).json()["name"] == "third"
