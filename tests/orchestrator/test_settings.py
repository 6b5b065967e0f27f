"""Which setting wins, what a half-set group is, and that no secret is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import SettingsError
from orchestrator.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = {"POSTGRES_HOST": "db", "POSTGRES_DB": "sluice", "POSTGRES_USER": "me"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _set(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def _database(**written: object) -> str:
    url = load_settings(**written).database()
    assert url is not None
    return url.render_as_string(hide_password=False)


def test_nothing_set_is_the_embedded_database() -> None:
    assert load_settings().database() is None


@pytest.mark.parametrize("part", ["HOST", "PORT", "DB", "USER", "PASSWORD"])
def test_half_set_group_is_an_error_and_never_the_embedded_database(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"POSTGRES_{part}", "5433")
    with pytest.raises(SettingsError, match="beside the other POSTGRES_ variables, or DATABASE_URL alone"):
        load_settings()


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_half_set_group_names_what_is_missing(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {name: value for name, value in WHOLE.items() if name != missing})
    with pytest.raises(SettingsError, match=f"expected {missing} beside"):
        load_settings()


def test_whole_group_is_a_url_whatever_is_in_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {**WHOLE, "POSTGRES_PASSWORD": "p@ss/wörd:%", "POSTGRES_PORT": "6432"})
    url = load_settings().database()
    assert url is not None
    assert (url.host, url.port, url.database, url.username) == ("db", 6432, "sluice", "me")
    assert url.password == "p@ss/wörd:%"
    assert url.drivername == "postgresql+psycopg2"


def test_database_url_wins_over_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {**WHOLE, "DATABASE_URL": "postgres://other:5433/there"})
    assert _database() == "postgresql+psycopg2://other:5433/there"


def test_database_url_needs_no_whole_group(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"POSTGRES_PORT": "1", "DATABASE_URL": "postgresql://other/there"})
    assert _database() == "postgresql+psycopg2://other/there"


def test_flags_of_the_group_win_over_the_environments_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"DATABASE_URL": "postgresql://production/x", "POSTGRES_USER": "me"})
    written = _database(postgres_host="test", postgres_db="scratch")
    assert written == "postgresql+psycopg2://me@test:5432/scratch"


def test_one_flag_of_the_group_is_half_a_group_even_beside_a_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://production/x")
    with pytest.raises(SettingsError, match="POSTGRES_DB and POSTGRES_USER beside"):
        load_settings(postgres_host="test")


def test_environment_wins_over_env_file_and_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\nMAX_PARALLEL_JOBS=3\n")
    _set(monkeypatch, {"MAX_PARALLEL_JOBS": "7", "DATABASE_URL": "", "POSTGRES_HOST": ""})
    settings = load_settings()
    assert (settings.log_level, settings.max_parallel_jobs, settings.database()) == ("DEBUG", 7, None)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:hunter2@db/x",
        "hunter2",
        "postgresql://me:hunter2@db:port/x",
        "postgresql:/me:hunter2",
        "http://hunter2",
    ],
)
def test_secret_of_a_bad_url_is_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match="DATABASE_URL: expected postgresql://") as caught:
        load_settings().database()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", [name for name, field in Settings.model_fields.items() if "Secret" in str(field)])
def test_no_error_shows_a_secrets_value(field: str) -> None:
    with pytest.raises(SettingsError, match=f"{field.upper()}: expected") as caught:
        load_settings(**{field: 271828})
    assert "271828" not in str(caught.value)


def test_secret_is_read_without_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_TOKEN", "letmein\n")
    token = load_settings().admin_token
    assert token is not None
    assert token.get_secret_value() == "letmein"


def test_older_name_of_the_dataset_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BQ_DATASET", "raw")
    assert load_settings().defaults().default_dataset == "raw"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, got 'LOUD'"),
        ("MAX_PARALLEL_JOBS", "0", "MAX_PARALLEL_JOBS: expected greater than or equal to 1, got '0'"),
        ("TICK_EVERY", "0s", "TICK_EVERY: expected"),
        ("TICK_EVERY", "often", "TICK_EVERY: expected a duration such as 15m"),
        ("PORT", "99999", "PORT: expected"),
    ],
)
def test_bad_value_is_one_sentence(variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)


def test_durations_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICK_EVERY", "1m")
    assert load_settings().tick_every == timedelta(minutes=1)


def test_defaults_are_below_the_working_folder(tmp_path: Path) -> None:
    defaults = load_settings().defaults()
    assert defaults.runs_url == (tmp_path / ".sluice").as_uri()
    assert defaults.destination_url == f"duckdb://{tmp_path}/.sluice/warehouse.duckdb"
