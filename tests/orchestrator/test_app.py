"""What settings become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.app import environment_of_workers, open_app, open_notifier
from orchestrator.auth import tick_token
from orchestrator.errors import DatabaseNotReady, Unreachable
from orchestrator.launchers.subprocess import WITHHELD
from orchestrator.notifiers.log import LogNotifier
from orchestrator.notifiers.slack import SlackNotifier, SlackWebhookNotifier
from orchestrator.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_given_database_with_all_migrations_is_opened(database_url: str) -> None:
    with open_app(load_settings(database_url=database_url)) as app, app.engine.connect() as connection:
        assert app.history(connection).status()["configs"] == 0


def test_given_database_without_migrations_says_what_to_run(postgres_url: str) -> None:
    with (
        pytest.raises(DatabaseNotReady, match=r"database: expected migration \w+, got none; run `sluice migrate`"),
        open_app(load_settings(database_url=postgres_url)),
    ):
        pass


def test_database_that_does_not_answer_is_named_without_its_password() -> None:
    url = "postgresql://me:hunter2@127.0.0.1:1/x"
    with pytest.raises(Unreachable) as caught, open_app(load_settings(database_url=url)):
        pass
    said = str(caught.value)
    assert said.startswith("postgresql://me:***@127.0.0.1:1/x: expected a Postgres that answers, got: ")
    assert "hunter2" not in said


def test_embedded_database_is_migrated_and_its_rows_stay() -> None:
    for configs in (0, 1):
        with open_app(load_settings()) as app, app.engine.begin() as connection:
            assert app.history(connection).status()["configs"] == configs
            connection.exec_driver_sql(
                "insert into load_configs (name, kind, destination_dataset, destination_table) "
                f"values ('c{configs}', 'google_sheet', 'd', 't')"
            )


def _session(connection: Connection) -> dict[str, Any]:
    return {
        row[0]: row[1]
        for row in connection.exec_driver_sql(
            "select name, setting from pg_settings where source in ('client', 'session')"
        )
    }


def test_connection_asks_for_nothing_that_a_pooler_in_transaction_mode_refuses(database_url: str) -> None:
    """No prepared statement, no advisory lock, no setting of a session is left behind by anything a tick does."""
    with open_app(load_settings(database_url=database_url)) as app:
        with app.engine.connect() as connection:
            before = _session(connection)
        app.ticker.tick()
        app.ticker.tick(dry_run=True)
        with app.engine.connect() as connection:
            assert _session(connection) == before
            assert before.keys() <= {
                "client_encoding",
                "DateStyle",
                "TimeZone",
                "application_name",
                "extra_float_digits",
            }
            assert connection.exec_driver_sql("select from pg_prepared_statements").rowcount == 0
            locks = (
                "select from pg_locks l join pg_database d on d.oid = l.database "
                "where l.locktype = 'advisory' and d.datname = current_database()"
            )
            assert connection.exec_driver_sql(locks).rowcount == 0


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({}, LogNotifier),
        ({"slack_bot_token": "xoxb-1", "slack_channel": "#data"}, SlackNotifier),
        ({"slack_webhook_url": "https://hooks.slack.com/x"}, SlackWebhookNotifier),
        ({"slack_bot_token": "xoxb-1", "slack_webhook_url": "https://hooks.slack.com/x"}, SlackNotifier),
    ],
)
def test_messages_go_to_slack_when_it_is_set(variables: dict[str, str], kind: type) -> None:
    assert type(open_notifier(load_settings(**variables))) is kind


def test_workers_inherit_the_environment_and_what_env_file_adds_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("SHOP_DATABASE_URL=postgresql://shop\nLOG_LEVEL=ERROR\n")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    inherited = environment_of_workers(load_settings())
    assert (inherited["SHOP_DATABASE_URL"], inherited["LOG_LEVEL"]) == ("postgresql://shop", "DEBUG")
    assert "TICK_TOKEN" not in inherited


def test_workers_get_a_token_for_ticks_and_not_the_admins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ADMIN_TOKEN=letmein\n")
    environment = environment_of_workers(load_settings())
    assert environment["TICK_TOKEN"] == tick_token("letmein")
    assert "ADMIN_TOKEN" in WITHHELD
