"""A tick put together from the real parts, in this process or in one of its own, which a test may kill."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine

import worker.contract.options
from orchestrator.launchers.subprocess import SubprocessLauncher
from orchestrator.notifiers.slack import SlackNotifier
from orchestrator.spec import Defaults
from orchestrator.tick import Ticker, TickSettings
from tests.support.postgres import sqlalchemy_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

START_OF_TICK = "tests.support.tick_process:tick"
CHANNEL = "#loads"
OPTIONS_OF_TESTS = str(Path(__file__).with_name("source_options"))
_WORKER = (sys.executable, "-P", "-m", "tests.support.worker_main")


@dataclass(frozen=True)
class Parts:
    """What a ticker is made of, in values that can be handed to another process."""

    database_url: str
    home: str
    """The folder of the run folders and of the destination."""
    slack_api_url: str
    slack_token: str
    worker_environment: dict[str, str]
    max_parallel_jobs: int = 4
    grace_seconds: float = 1.0
    launch_within_seconds: float = 60.0

    def ticker(self, engine: Engine) -> Ticker:
        settings = TickSettings(
            self.defaults(),
            max_parallel_jobs=self.max_parallel_jobs,
            launch_within=timedelta(seconds=self.launch_within_seconds),
            retry_delay=timedelta(0),
        )
        notifier = SlackNotifier(self.slack_token, CHANNEL, api_url=self.slack_api_url)
        return Ticker(engine, self.launcher(), notifier, settings)

    def defaults(self) -> Defaults:
        runs_url, destination_url = Path(self.home, "runs").as_uri(), f"duckdb://{self.home}/warehouse.duckdb"
        return Defaults(destination_url, runs_url, default_dataset="lake")

    def launcher(self) -> SubprocessLauncher:
        """Return the launcher of real workers, which know the tests' own kinds of source, too."""
        grace = timedelta(seconds=self.grace_seconds)
        return SubprocessLauncher(self.worker_environment, command=_WORKER, grace=grace)


def tick(parts: Mapping[str, Any]) -> int:
    """Tick once, in a process that does nothing else."""
    worker.contract.options.__path__.append(OPTIONS_OF_TESTS)
    given = Parts(**parts)
    given.ticker(create_engine(sqlalchemy_url(given.database_url))).tick()
    return 0
