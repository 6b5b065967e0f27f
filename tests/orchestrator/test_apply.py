"""Making the table say what a file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.apply import make_changes, plan_changes
from orchestrator.check import ConfigError
from orchestrator.config_form import ConfigForm
from orchestrator.example_configs import example_config
from orchestrator.views import ConfigView
from tests.support.configs import SHEET_URL, add_config
from worker.contract.options import kinds

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from orchestrator.app import App
    from orchestrator.apply import Change


def _form(name: str = "sheet", **fields: Any) -> ConfigForm:  # noqa: ANN401 - fields of any type
    sheet = {"name": name, "kind": "google_sheet", "source": {"url": SHEET_URL}, "destination_table": "t"}
    return ConfigForm.read(sheet | fields)


def _apply(app: App, *forms: ConfigForm) -> list[Change]:
    with app.engine.begin() as connection:
        configs, now = app.configs(connection), app.now(connection)
        changes = plan_changes(configs, forms, now=now)
        make_changes(configs, changes, now=now)
        return changes


def _names(app: App) -> list[str]:
    with app.engine.connect() as connection:
        return [row["name"] for row in app.configs(connection).every()]


def test_new_configs_are_made_and_the_second_time_nothing_differs(app: App) -> None:
    forms = [ConfigForm.read(example_config(kind)) for kind in kinds()] + [_form(cron="0 9 * * *", timeout="2h")]
    assert all(change.is_new for change in _apply(app, *forms))
    assert all(change.is_empty for change in _apply(app, *forms))


def test_differences_name_field_was_and_shall_be(app: App) -> None:
    _apply(app, _form(run_every="1h", source={"url": SHEET_URL, "tab": "a"}))
    wanted = _form(cron="0 9 * * *", source={"url": SHEET_URL, "header_row": 3})
    (change,) = _apply(app, wanted)
    assert set(change.differences) == {
        ("run_every", "1h", None),
        ("cron", None, "0 9 * * *"),
        ("source.tab", "a", None),
        ("source.header_row", None, 3),
    }
    assert _apply(app, wanted)[0].is_empty


def test_what_the_file_leaves_out_goes_back_to_its_default(app: App) -> None:
    _apply(app, _form(priority=5, owner="me"))
    assert set(_apply(app, _form())[0].differences) == {("priority", 5, 0), ("owner", "me", None)}


def test_configs_that_the_file_does_not_name_stay(app: App) -> None:
    _apply(app, _form("one"))
    _apply(app, _form("two"))
    assert _names(app) == ["one", "two"]


def test_one_fault_and_nothing_is_written(app: App) -> None:
    with pytest.raises(ConfigError) as caught:
        _apply(app, _form("good"), _form("bad", cron="x"), _form("worse", source={}))
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["bad, cron", "worse, source.url"]
    assert _names(app) == []


def test_name_that_is_another_configs_id_is_a_new_config(app: App, engine: Engine) -> None:
    config_id = add_config(engine, "other")
    assert _apply(app, _form(str(config_id)))[0].is_new
    assert _names(app) == sorted([str(config_id), "other"])


def test_row_that_makes_no_sense_is_mended(app: App, engine: Engine) -> None:
    add_config(engine, "sheet", custom_schema='"text"', destination_table="t", run_every=None)
    (change,) = _apply(app, _form(destination_dataset="raw"))
    assert change.differences == (("custom_schema", "text", None),)


def test_what_is_exported_is_what_is_there(app: App, engine: Engine) -> None:
    add_config(engine, "sheet", run_every="90 minutes", slack_channel="#x", metadata_columns="false")
    with app.engine.connect() as connection:
        exported = ConfigView.written(app.configs(connection).find("sheet"), defaults=False)
    assert exported == {
        "name": "sheet",
        "kind": "google_sheet",
        "source": {"url": SHEET_URL},
        "destination_dataset": "raw",
        "destination_table": "sheet",
        "run_every": "1h30m",
        "slack_channel": "#x",
        "metadata_columns": False,
    }
    assert _apply(app, ConfigForm.read(exported))[0].is_empty
