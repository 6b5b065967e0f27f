"""What tests of the orchestrator share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrator.app import App
from orchestrator.settings import Settings
from orchestrator.spec import Defaults
from orchestrator.tick import Ticker, TickSettings
from tests.support.fakes import RecordingNotifier, ScriptedLauncher

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture
def launcher() -> ScriptedLauncher:
    return ScriptedLauncher()


@pytest.fixture
def notifier() -> RecordingNotifier:
    return RecordingNotifier()


@pytest.fixture
def tick_settings(tmp_path: Path) -> TickSettings:
    defaults = Defaults(destination_url=f"duckdb://{tmp_path}/w.duckdb", runs_url=(tmp_path / "runs-url").as_uri())
    return TickSettings(defaults, retry_delay=timedelta(0))


@pytest.fixture
def ticker(
    engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, tick_settings: TickSettings
) -> Ticker:
    return Ticker(engine, launcher, notifier, tick_settings)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What `tick_settings` come from, too."""
    return Settings(
        destination_url=f"duckdb://{tmp_path}/w.duckdb",
        runs_url=(tmp_path / "runs-url").as_uri(),
        retry_delay_seconds=0.001,
        gcp_project_id="project-of-tests",
        bigquery_dataset="raw",
    )


@pytest.fixture
def app(engine: Engine, launcher: ScriptedLauncher, notifier: RecordingNotifier, settings: Settings) -> App:
    """Everything together, with a launcher that does what the test says."""
    return App.of(settings, engine, launcher, notifier)
