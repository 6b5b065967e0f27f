"""The composition root: the only place that makes things of settings, and that reads the environment."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from dotenv import dotenv_values
from sqlalchemy.exc import OperationalError

import migrations
from orchestrator import migrate
from orchestrator.auth import tick_token
from orchestrator.coalesce import CoalescingTicker
from orchestrator.configs import Configs
from orchestrator.errors import DatabaseNotReady, Unreachable
from orchestrator.history import History
from orchestrator.settings import ENV_FILE, FOLDER
from orchestrator.store import Store
from orchestrator.tick import Ticker, TickSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orchestrator.launcher import Launcher
    from orchestrator.notifier import Notifier
    from orchestrator.settings import Settings

_CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class App:
    """Everything that is needed to serve requests and commands, open and ready."""

    settings: Settings
    engine: sa.Engine
    launcher: Launcher
    notifier: Notifier
    ticker: Ticker
    shared_ticker: CoalescingTicker

    @classmethod
    def of(cls, settings: Settings, engine: sa.Engine, launcher: Launcher, notifier: Notifier) -> App:
        """Put the parts together."""
        ticker = Ticker(engine, launcher, notifier, tick_settings(settings))
        return cls(settings, engine, launcher, notifier, ticker, CoalescingTicker(ticker))

    def now(self, connection: sa.Connection) -> datetime:
        """Return the database's time, which is every tick's, too."""
        return Store(connection).clock()

    def configs(self, connection: sa.Connection) -> Configs:
        """Return the configs, through this connection."""
        return Configs(connection, self.settings.defaults())

    def history(self, connection: sa.Connection) -> History:
        """Return the runs, through this connection."""
        return History(connection, self.settings.defaults())


@contextmanager
def open_app(settings: Settings) -> Iterator[App]:
    """Open everything, and close it again.

    Raises:
        SettingsError: a setting does not work.
        Unreachable: the database does not answer.
        DatabaseNotReady: `sluice migrate` must be run first.
    """
    with open_database(settings) as engine:
        _migrated(engine, embedded=settings.database() is None)
        yield App.of(settings, engine, open_launcher(settings), open_notifier(settings))


@contextmanager
def open_database(settings: Settings) -> Iterator[sa.Engine]:
    """Connect to the given database, or to the embedded one, which the last process that uses it stops.

    Raises:
        Unreachable: the database does not answer.
    """
    url = settings.database()
    if url is None:
        from orchestrator.embedded import EmbeddedPostgres

        with EmbeddedPostgres(FOLDER) as embedded, _engine(sa.make_url(embedded)) as engine:
            yield engine
        return
    with _engine(url) as engine:
        yield engine


def open_launcher(settings: Settings) -> Launcher:
    """Return what starts workers: processes of this machine."""
    from orchestrator.launchers.subprocess import SubprocessLauncher

    return SubprocessLauncher(environment_of_workers(settings))


def environment_of_workers(settings: Settings) -> dict[str, str]:
    """Return what workers on this machine inherit: this process's environment and what `.env` adds, and their token."""
    environment = {name: value for name, value in dotenv_values(ENV_FILE).items() if value is not None}
    environment.update(os.environ)
    if settings.admin_token:
        environment["TICK_TOKEN"] = tick_token(settings.admin_token.get_secret_value())
    return environment


def open_notifier(settings: Settings) -> Notifier:
    """Return what tells people: Slack by a token, else by a webhook, else the log."""
    from orchestrator.notifiers.log import LogNotifier
    from orchestrator.notifiers.slack import SlackNotifier, SlackWebhookNotifier

    if settings.slack_bot_token:
        token = settings.slack_bot_token.get_secret_value()
        return SlackNotifier(token, settings.slack_channel, api_url=settings.slack_api_url)
    if settings.slack_webhook_url:
        return SlackWebhookNotifier(settings.slack_webhook_url.get_secret_value())
    return LogNotifier()


def tick_settings(settings: Settings) -> TickSettings:
    """Return what a tick is told."""
    return TickSettings(
        defaults=settings.defaults(),
        max_parallel_jobs=settings.max_parallel_jobs,
        budget=settings.tick_budget,
        launch_within=settings.launch_within,
        retry_delay=settings.retry_delay,
    )


@contextmanager
def _engine(url: sa.URL) -> Iterator[sa.Engine]:
    """Nothing here needs a session of its own, so a pooler in transaction mode may stand in between.

    psycopg2 prepares no statements on the server, and no parameter is sent that a pooler would refuse.
    """
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg2"),
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
    )
    try:
        _reach(engine)
        yield engine
    finally:
        engine.dispose()


def shown(engine: sa.Engine) -> str:
    """Return where an engine connects to, without the password."""
    return engine.url.set(drivername="postgresql").render_as_string()


def _reach(engine: sa.Engine) -> None:
    try:
        engine.connect().close()
    except OperationalError as error:
        what = str(error.orig).strip().splitlines()[0]
        raise Unreachable(
            f"{shown(engine)}: expected a Postgres that answers, got: {what};"
            " correct DATABASE_URL or POSTGRES_*, or start it"
        ) from error


def _migrated(engine: sa.Engine, *, embedded: bool) -> None:
    with engine.connect() as connection:
        if migrate.is_current(connection):
            return
    if not embedded:
        found = migrate.current(engine) or "none"
        raise DatabaseNotReady(
            f"database: expected migration {migrations.HEAD}, got {found}; run `sluice migrate`"
            " (a revision that is unknown here means that Sluice itself is older than its database)"
        )
    migrate.upgrade(engine)
