"""What every test gets: real databases on demand, and none of the settings of whoever runs the tests."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["tests.support.postgres"]

_OUR_SETTINGS = (
    "ADMIN_TOKEN",
    "BIGQUERY_",
    "BQ_",
    "DATABASE_URL",
    "DESTINATION_URL",
    "GCP_",
    "GCS_",
    "GOOGLE_",
    "LAUNCH_WITHIN",
    "LISTEN_HOST",
    "LOG_LEVEL",
    "MAX_PARALLEL_JOBS",
    "PORT",
    "POSTGRES_",
    "RETRY_DELAY",
    "RUNS_URL",
    "SLACK_",
    "TICK_",
)
# What libpq and the HTTP clients read by themselves.
_OTHERS_SETTINGS = ("PG", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(_OUR_SETTINGS + _OTHERS_SETTINGS):
            monkeypatch.delenv(name)
