"""What a load needs, looked at one by one: each finding is one line, and says what to do if it is not as it must be."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel

import migrations
from orchestrator import migrate
from orchestrator.app import environment_of_workers, open_database, shown
from orchestrator.errors import SluiceError
from orchestrator.history import History
from orchestrator.launchers.subprocess import WORKER
from orchestrator.version import version
from worker.contract.run_folder import local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Engine

    from orchestrator.settings import Settings

_WORKER_WITHIN_SECONDS = 30
_LATE_TICK_SECONDS = 15 * 60
_A_SHEET = {
    "CONFIG_NAME": "doctor",
    "GOOGLE_SHEET_URL": "https://docs.google.com/spreadsheets/d/doctor/edit",
    "BIGQUERY_DATASET_ID": "doctor",
    "BIGQUERY_TABLE_ID": "doctor",
}


class Finding(BaseModel):
    """What one look came to."""

    verdict: Literal["ok", "warning", "wrong"]
    check: str
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed but what starting the embedded Postgres changes."""
    environment = environment_of_workers(settings)
    return [
        *_database(settings),
        _run_folders(settings),
        _worker(settings, environment),
        _destination(settings),
        _google(environment),
        _slack(settings),
        _token(settings),
    ]


def _ok(check: str, text: str) -> Finding:
    return Finding(verdict="ok", check=check, text=text)


def _warning(check: str, text: str) -> Finding:
    return Finding(verdict="warning", check=check, text=text)


def _wrong(check: str, text: str) -> Finding:
    return Finding(verdict="wrong", check=check, text=text)


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        with open_database(settings) as engine:
            version = engine.dialect.server_version_info or ()
            embedded = settings.database() is None
            which = "the embedded one, " if embedded else ""
            yield _ok("database", f"Postgres {'.'.join(map(str, version))}: {which}{shown(engine)}")
            yield _migrations(engine, embedded=embedded)
            yield from _ticks(engine, settings)
    except SluiceError as error:
        yield _wrong("database", str(error))
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever ails
        yield _wrong("database", f"database: expected one that works, got: {error}")


def _migrations(engine: Engine, *, embedded: bool) -> Finding:
    found, wanted = migrate.current(engine), migrations.HEAD
    if found == wanted:
        return _ok("migrations", f"at {found}")
    if embedded and found is None:
        return _ok("migrations", f"none yet; the first command that needs the tables brings them to {wanted}")
    return _wrong("migrations", f"expected {wanted}, got {found or 'none'}; run `sluice migrate`")


def _ticks(engine: Engine, settings: Settings) -> Iterator[Finding]:
    with engine.connect() as connection:
        if not migrate.is_current(connection):
            return
        status = History(connection, settings.defaults()).status()
    last = status["last_tick_at"]
    age = None if last is None else (status["now"] - last).total_seconds()
    how = "run `sluice serve --tick-every 1m`, or have a scheduler call POST /tick"
    if age is None:
        yield _warning("ticks", f"expected one every minute or so, got none yet; {how}")
    elif age > _LATE_TICK_SECONDS and status["active"]:
        yield _warning("ticks", f"expected one every minute or so, got the last {age / 60:.0f} minutes ago; {how}")
    else:
        yield _ok("ticks", f"the last {age:.0f} s ago")


def _run_folders(settings: Settings) -> Finding:
    url = settings.defaults().runs_url
    if not url.startswith("file://"):
        return _wrong("run folders", f"RUNS_URL: expected file:///..., got {url}; workers of this machine need it")
    return _writable("run folders", local_path(url), "RUNS_URL")


def _destination(settings: Settings) -> Finding:
    url = settings.defaults().destination_url
    parts = urlsplit(url)
    if parts.scheme != "duckdb":
        return _warning("destination", f"{parts.scheme}:// is not looked at from here")
    file = Path(parts.path)
    if file.is_dir():
        return _wrong("destination", f"DESTINATION_URL: expected a file, got the folder {file}; name a file in it")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return _wrong("destination", f"DESTINATION_URL: expected to read and write {file}, may not; change its rights")
    return _writable("destination", file.parent, "DESTINATION_URL", shown=file)


def _writable(check: str, folder: Path, setting: str, *, shown: Path | None = None) -> Finding:
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return _ok(check, str(shown or folder))
    return _wrong(check, f"{setting}: expected a folder to write to, got {nearest}; change its rights, or the setting")


def _worker(settings: Settings, environment: Mapping[str, str]) -> Finding:
    told = {**environment, **_A_SHEET, "DESTINATION_URL": settings.defaults().destination_url}
    command = [*WORKER, "check"]
    try:
        done = subprocess.run(
            command, env=told, capture_output=True, text=True, timeout=_WORKER_WITHIN_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _wrong("worker", f"worker: expected {' '.join(command)} to run, got: {error}; install Sluice again")
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        return _wrong("worker", f"worker: expected exit code 0, got {done.returncode}: {''.join(said)}")
    return _ok("worker", f"starts ({' '.join(WORKER)}), Sluice {version()}")


def _google(environment: Mapping[str, str]) -> Finding:
    path = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    if not path:
        return _warning("google", "no GOOGLE_APPLICATION_CREDENTIALS: sheets need this machine's default credentials")
    try:
        key = json.loads(Path(path).read_text(encoding="utf-8"))
        email, kind = key.get("client_email"), key.get("type")
    except (OSError, ValueError, AttributeError) as error:
        return _wrong("google", f"GOOGLE_APPLICATION_CREDENTIALS: expected a key file, got {path}: {error}; correct it")
    if not email and kind in {None, "service_account"}:
        return _wrong("google", f"GOOGLE_APPLICATION_CREDENTIALS: expected a whole key, got {path}; make a new one")
    return _ok("google", f"share sheets with {email}" if email else f"credentials in {path}")


def _slack(settings: Settings) -> Finding:
    if not settings.slack_bot_token:
        if settings.slack_webhook_url:
            return _ok("slack", "a webhook; only a message would show whether it works")
        return _warning("slack", "neither SLACK_BOT_TOKEN nor SLACK_WEBHOOK_URL: messages go to the log")
    from slack_sdk import WebClient

    token = settings.slack_bot_token.get_secret_value()
    client = WebClient(token, base_url=f"{settings.slack_api_url.rstrip('/')}/", timeout=10, retry_handlers=[])
    return _told(lambda: str(client.auth_test().get("team")), settings.slack_channel)


def _told(test: Callable[[], str], channel: str | None) -> Finding:
    try:
        team = test()
    except Exception as error:  # noqa: BLE001 - refused, unreachable, not Slack at all: one answer
        what = str(error).strip().splitlines()[-1:]
        return _wrong("slack", f"auth.test: expected an answer, got: {''.join(what)}; correct SLACK_BOT_TOKEN")
    if not channel:
        return _warning("slack", f"speaks to {team}; no SLACK_CHANNEL, so a config without slack_channel tells nobody")
    return _ok("slack", f"speaks to {team}, by default in {channel}")


def _token(settings: Settings) -> Finding:
    if settings.admin_token is None:
        return _ok("api", "no ADMIN_TOKEN: `sluice serve` listens on loopback only")
    return _ok("api", "guarded by ADMIN_TOKEN")
