"""What a doctor finds, and that it says what to do."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from orchestrator.doctor import examine
from orchestrator.settings import load_settings
from sandbox.server import Sandbox
from tests.support.configs import add_config, execute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from orchestrator.doctor import Finding
    from orchestrator.tick import Ticker


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _found(database_url: str, **written: object) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(load_settings(database_url=database_url, **written))}


def test_everything_in_place_is_ok(database_url: str, ticker: Ticker, tmp_path: Path, sandbox: Sandbox) -> None:
    ticker.tick()
    told = sandbox.environment
    slack = {name.lower(): told[name] for name in ("SLACK_BOT_TOKEN", "SLACK_API_URL")} | {"slack_channel": "#data"}
    found = _found(database_url, admin_token="letmein", **slack)
    wrong = {check: finding.text for check, finding in found.items() if finding.verdict != "ok"}
    assert wrong.keys() == {"google"}
    assert found["worker"].text.startswith("starts (")
    assert found["destination"].text == f"{tmp_path}/.sluice/warehouse.duckdb"
    assert found["slack"].text.endswith("by default in #data")


def test_database_that_does_not_answer_is_wrong_and_the_rest_is_still_looked_at() -> None:
    found = _found("postgresql://me:hunter2@127.0.0.1:1/x")
    assert found["database"].verdict == "wrong"
    assert "hunter2" not in found["database"].text
    assert found["worker"].verdict == "ok"


def test_missing_migrations_are_wrong(postgres_url: str) -> None:
    found = _found(postgres_url)["migrations"]
    assert (found.verdict, found.text.endswith("run `sluice migrate`")) == ("wrong", True)


def test_ticks_that_stopped_are_told(database_url: str, engine: Engine, ticker: Ticker) -> None:
    assert "got none yet" in _found(database_url)["ticks"].text
    add_config(engine, "sheet")
    ticker.tick()
    execute(engine, "update ticks set started_at = now() - interval '1 hour'")
    found = _found(database_url)["ticks"]
    assert found.verdict == "warning"
    assert "the last 60 minutes ago" in found.text


def test_worker_that_does_not_start_is_wrong(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_SIZE", "many")
    found = _found(database_url)["worker"]
    assert found.verdict == "wrong"
    assert "BATCH_SIZE" in found.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written_is_wrong(database_url: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    urls = {"runs_url": (closed / "runs").as_uri(), "destination_url": f"duckdb://{closed}/w.duckdb"}
    found = _found(database_url, **urls)
    assert (found["run folders"].verdict, found["destination"].verdict) == ("wrong", "wrong")


def test_destination_that_is_a_folder_and_runs_that_are_not_here_are_wrong(database_url: str, tmp_path: Path) -> None:
    found = _found(database_url, destination_url=f"duckdb://{tmp_path}", runs_url="gs://bucket")
    assert "expected a file, got the folder" in found["destination"].text
    assert "expected file:///" in found["run folders"].text


@pytest.mark.parametrize(
    ("content", "verdict", "said"),
    [
        (json.dumps({"client_email": "loader@p.iam.gserviceaccount.com"}), "ok", "share sheets with loader@p.iam"),
        (json.dumps({"type": "authorized_user"}), "ok", "credentials in "),
        ("not json", "wrong", "expected a key file"),
        ("[]", "wrong", "expected a key file"),
        (None, "wrong", "expected a key file"),
    ],
)
def test_key_file_is_read(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, verdict: str, said: str
) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    found = _found(database_url)["google"]
    assert (found.verdict, said in found.text) == (verdict, True)


def test_token_that_slack_does_not_take_is_wrong(database_url: str, sandbox: Sandbox) -> None:
    slack = {"slack_api_url": sandbox.environment["SLACK_API_URL"], "slack_bot_token": "wrong"}
    found = _found(database_url, **slack)["slack"]
    assert (found.verdict, "invalid_auth" in found.text) == ("wrong", True)


def test_slack_that_does_not_answer_is_wrong(database_url: str) -> None:
    found = _found(database_url, slack_api_url="http://127.0.0.1:1/", slack_bot_token="xoxb-1")["slack"]
    assert (found.verdict, "refused" in found.text) == ("wrong", True)
