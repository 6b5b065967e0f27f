"""Configs in the table: written, changed, paused, deleted, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from orchestrator.check import ConfigError
from orchestrator.config_form import ConfigForm
from orchestrator.errors import NotFound, Refused
from orchestrator.store import Store
from tests.support.configs import SHEET_URL, add_config, execute, rows
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from orchestrator.app import App
    from orchestrator.configs import Configs
    from orchestrator.tick import Ticker


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


@pytest.fixture
def configs(app: App, connection: Connection) -> Configs:
    return app.configs(connection)


def _form(name: str = "sheet", **fields: Any) -> ConfigForm:  # noqa: ANN401 - fields of any type
    source = {"url": SHEET_URL}
    return ConfigForm.read({"name": name, "kind": "google_sheet", "source": source, "destination_table": "t", **fields})


def _create(configs: Configs, connection: Connection, *names: str, **fields: Any) -> int:  # noqa: ANN401 - as above
    ids = [configs.create(_form(name, **fields), now=Store(connection).clock()) for name in names]
    return ids[-1]


def test_config_is_found_by_name_and_by_id(configs: Configs, connection: Connection) -> None:
    config_id = _create(configs, connection, "sheet", run_every="6h", custom_schema=None)
    assert configs.find("sheet")["id"] == config_id
    assert configs.find(str(config_id))["run_every"] == timedelta(hours=6)


def test_name_that_reads_like_an_id_wins_over_the_id(configs: Configs, connection: Connection) -> None:
    first = _create(configs, connection, "sheet")
    second = _create(configs, connection, str(first))
    assert configs.find(str(first))["id"] == second
    with pytest.raises(NotFound):
        configs.find_by_name(str(second))


def test_config_is_told_from_another_whose_name_is_its_id(configs: Configs, connection: Connection) -> None:
    first = _create(configs, connection, "sheet")
    _create(configs, connection, str(first))
    assert configs.get(first)["name"] == "sheet"
    configs.change("sheet", {"owner": "me"}, now=Store(connection).clock())
    assert configs.get(first)["owner"] == "me"


def test_two_who_change_different_fields_at_once_both_win(app: App, engine: Engine) -> None:
    add_config(engine, "sheet")

    def change(field: str, connection: Connection) -> None:
        app.configs(connection).change("sheet", {field: "x"}, now=app.now(connection))

    def change_later() -> None:
        with engine.begin() as connection:
            change("owner", connection)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            change("description", connection)
            later = pool.submit(change_later)
            waiting = "select from pg_locks where not granted"
            wait_until(lambda: rows(engine, waiting), what="the second change to wait for the first")
        later.result(10)
    assert rows(engine, "select owner, description from load_configs") == [{"owner": "x", "description": "x"}]


def test_tick_does_not_wait_for_one_who_changes_a_config(app: App, engine: Engine, ticker: Ticker) -> None:
    add_config(engine, "sheet")
    with engine.begin() as connection:
        app.configs(connection).change("sheet", {"owner": "x"}, now=app.now(connection))
        assert ticker.tick().complete


@pytest.mark.parametrize("name", ["gone", "", "0", "a\0b", "%"])
def test_config_that_is_not_there_is_told(configs: Configs, name: str) -> None:
    with pytest.raises(NotFound, match=r"config: expected a name or id, got .*; see `sluice configs list`"):
        configs.find(name)


def test_name_is_taken_once(configs: Configs, connection: Connection) -> None:
    _create(configs, connection, "sheet")
    with pytest.raises(Refused, match="name: expected one that is not taken, got 'sheet'"):
        _create(configs, connection, "sheet")
    assert len(list(configs.every())) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"run_every": "30s"}, "run_every: expected from 1m to 36500d, got '30s'; correct it"),
        ({"run_every": "1h", "cron": "* * * * *"}, "schedule: expected run_every or cron"),
        ({"timeout": "400h"}, "timeout: expected from 1s to 7d, got '400h'; correct it"),
        ({"pool": "nowhere"}, "pool: expected one of the table `pools`"),
        ({"owner": "a\0b"}, "config: expected values that Postgres can hold, got: "),
        ({"description": "a\0b"}, "config: expected values that Postgres can hold, got: "),
        ({"source": {"url": SHEET_URL, "tab": "a\0b"}}, "config: expected values that Postgres can hold, got: "),
        ({"kind": "fax"}, "kind: expected one of google_sheet, postgresql, stock_prices, got 'fax'"),
        ({"source": {}}, "source.url: expected a value, got nothing; add it"),
        ({"custom_schema": [{"name": "x"}], "schema_handling": "custom"}, "custom_schema.0.type: expected"),
    ],
)
def test_config_that_cannot_work_is_not_written(
    configs: Configs, connection: Connection, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _create(configs, connection, "sheet", **fields)
    assert str(caught.value).startswith(said)
    assert list(configs.every()) == []


def test_change_touches_what_it_names_and_nothing_else(configs: Configs, connection: Connection) -> None:
    _create(configs, connection, "sheet", run_every="6h", owner="me")
    now = Store(connection).clock()
    configs.change("sheet", {"cron": "0 9 * * *", "name": "renamed"}, now=now)
    row = configs.find("renamed")
    assert (row["run_every"], row["cron"], row["owner"]) == (None, "0 9 * * *", "me")


def test_change_that_breaks_a_config_is_refused(configs: Configs, connection: Connection) -> None:
    _create(configs, connection, "sheet", run_every="6h")
    with pytest.raises(ConfigError, match=r"source\.url: expected a value"):
        configs.change("sheet", {"source": {}}, now=Store(connection).clock())
    assert configs.find("sheet")["source"] == {"url": SHEET_URL}


def test_row_that_makes_no_sense_is_shown_paused_mended_and_deleted(engine: Engine, app: App, ticker: Ticker) -> None:
    """Plain SQL may write what no form holds: every other command must still work on it."""
    add_config(engine, "odd", custom_schema='"text"', metadata_columns='{"run_id": 7}', schema_handling="custom")
    ticker.tick()
    with engine.begin() as connection:
        configs, now = app.configs(connection), app.now(connection)
        assert configs.find("odd")["quarantine_reason"]
        with pytest.raises(ConfigError, match="custom_schema: expected a valid list"):
            configs.check_written("odd", now=now)
        configs.set_active("odd", active=False)
        configs.change(
            "odd", {"custom_schema": None, "metadata_columns": None, "schema_handling": "auto_detect"}, now=now
        )
        assert configs.check_written("odd", now=now).warnings == ()
        configs.delete("odd")
        assert list(configs.every()) == []


def test_pausing_touches_nothing_else(configs: Configs, connection: Connection, engine: Engine) -> None:
    _create(configs, connection, "sheet")
    before = dict(configs.find("sheet"))
    configs.set_active("sheet", active=False)
    after = dict(configs.find("sheet"))
    assert {name for name in after if after[name] != before[name]} <= {"is_active", "updated_at"}
    assert after["is_active"] is False


def test_every_config_is_listed_once_however_many_there_are(
    configs: Configs, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"c{i:03}" for i in range(250)]
    _create(configs, connection, *reversed(names))
    assert [row["name"] for row in configs.every()] == names
    assert list(configs.every(kind="postgresql")) == []


def test_check_warns_of_another_config_with_the_same_table(configs: Configs, connection: Connection) -> None:
    first = _create(configs, connection, "one", "two")
    now = Store(connection).clock()
    expected = ("destination_table: t is written by one, too; give each a table of its own",)
    assert configs.check(_form("two"), config_id=first, now=now).warnings == expected
    assert configs.check(_form("two", destination_table="u"), now=now).warnings == ()


def test_check_warns_of_a_table_that_both_have_by_default(
    configs: Configs, engine: Engine, connection: Connection
) -> None:
    add_config(
        engine, "one", kind="stock_prices", source={"tickers": ["A"]}, destination_dataset=None, destination_table=None
    )
    add_config(engine, "odd", kind="fax", destination_table=None)
    two = ConfigForm.read({"name": "two", "kind": "stock_prices", "source": {"tickers": ["B"]}})
    now = Store(connection).clock()
    expected = ("destination_table: stock_prices is written by one, too; give each a table of its own",)
    assert configs.check(two, now=now).warnings == expected
    elsewhere = two.model_copy(update={"destination_dataset": "other"})
    assert configs.check(elsewhere, now=now).warnings == ()


def test_check_tells_the_next_slots(configs: Configs, connection: Connection) -> None:
    found = configs.check(_form(cron="0 9 * * *", timezone="Europe/Kiev"), now=Store(connection).clock())
    assert len(found.upcoming) == 5
    assert {slot.minute for slot in found.upcoming} == {0}


@pytest.mark.parametrize(("keep", "cursor"), [(True, 41), (False, None)])
def test_cursor_survives_another_source_only_when_told(
    engine: Engine, app: App, ticker: Ticker, *, keep: bool, cursor: object
) -> None:
    add_config(engine, "sheet")
    ticker.tick()
    execute(engine, "update load_states set cursor = '41'")
    with engine.begin() as connection:
        source = {"url": "https://docs.google.com/spreadsheets/d/another/edit"}
        app.configs(connection).change("sheet", {"source": source}, now=app.now(connection), keep_cursor=keep)
    ticker.tick()
    assert rows(engine, "select cursor from load_states") == [{"cursor": cursor}]


def test_config_that_somebody_else_has_just_deleted_is_not_found(engine: Engine, configs: Configs) -> None:
    add_config(engine)

    def delete_first(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "delete from load_configs where id" in statement:
            execute(engine, "delete from load_configs where name = 'sheet'")

    event.listen(engine, "before_cursor_execute", delete_first)
    with pytest.raises(NotFound):
        configs.delete("sheet")
