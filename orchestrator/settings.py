"""Everything that can be set, read once, in the composition root; passed on as values.

Every field is an environment variable of the same name in capitals; `.env` is read, too, and the environment wins.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.errors import SettingsError
from orchestrator.spec import Defaults

FOLDER = Path(".sluice")
"""Where the embedded defaults keep what they keep, below the working directory."""
_POSTGRES_PARTS = ("postgres_host", "postgres_db", "postgres_user")


class Settings(BaseSettings):
    """The orchestrator's settings. The worker's are its own, in `worker.settings`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        default=None, description="The Postgres that holds the configs; wins over POSTGRES_*. Neither: an embedded one."
    )
    postgres_host: str | None = Field(default=None, description="Host of the Postgres; needs POSTGRES_DB and _USER.")
    postgres_port: int = Field(default=5432, description="Port of the Postgres.")
    postgres_db: str | None = Field(default=None, description="Database name.")
    postgres_user: str | None = Field(default=None, description="Role to connect as.")
    postgres_password: SecretStr | None = Field(default=None, description="Password of the role.")

    runs_url: str = Field(
        default="", description="Where run folders are kept. Default: ./.sluice/runs, as a file:// URL."
    )
    destination_url: str = Field(
        default="", description="Where rows go. Default: duckdb:// with ./.sluice/warehouse.duckdb."
    )
    gcp_project_id: str | None = Field(default=None, description="Project of configs that name none.")
    bigquery_dataset: str | None = Field(
        default=None,
        validation_alias=AliasChoices("bigquery_dataset", "bq_dataset"),
        description="Dataset of configs that name none; BQ_DATASET is read, too.",
    )

    max_parallel_jobs: Annotated[int, Field(ge=1)] = Field(
        default=5, description="Executions that may be live at the same time."
    )
    tick_budget_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60, description="A tick stops after this; what is left waits for the next."
    )
    launch_within_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60, description="A launch without an answer is looked up after this, and made again if it is not found."
    )
    retry_delay_seconds: Annotated[float, Field(gt=0)] = Field(
        default=30, description="Before the second attempt; doubled for each after it (15 minutes at most), jittered."
    )
    tick_url: str | None = Field(
        default=None, description="Where workers say that they are done, so that the next run starts at once."
    )

    slack_bot_token: SecretStr | None = Field(default=None, description="Token of a Slack app with chat:write.")
    slack_channel: str | None = Field(default=None, description="Channel of configs that name none.")
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="An incoming webhook instead of a token; it has no threads."
    )
    slack_api_url: str = Field(default="https://slack.com/api/", description="Slack's API, or a stand-in.")

    admin_token: SecretStr | None = Field(
        default=None, description="Bearer token of the HTTP API; needed to listen beyond loopback."
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            message = "DEBUG, INFO, WARNING or ERROR"
            raise ValueError(message)
        return value.upper()

    @model_validator(mode="after")
    def _whole_group(self) -> Settings:
        """A half-set group is a mistake, never the embedded database."""
        if self.database_url is None and any(self._is_set(part) for part in (*_POSTGRES_PARTS, "postgres_password")):
            missing = [part.upper() for part in _POSTGRES_PARTS if not self._is_set(part)]
            if missing:
                message = f"{' and '.join(missing)} beside the other POSTGRES_ variables, or DATABASE_URL alone"
                raise ValueError(message)
        return self

    def _is_set(self, field: str) -> bool:
        return getattr(self, field) is not None

    def database(self) -> URL | None:
        """Return the database's URL for SQLAlchemy, or None for the embedded one.

        Raises:
            SettingsError: DATABASE_URL is no URL of a Postgres.
        """
        if self.database_url is not None:
            return _postgres_url(self.database_url.get_secret_value())
        if self.postgres_host is None:
            return None
        password = None if self.postgres_password is None else self.postgres_password.get_secret_value()
        return URL.create(
            "postgresql+psycopg2",
            username=self.postgres_user,
            password=password,
            host=self.postgres_host,
            port=self.postgres_port,
            database=self.postgres_db,
        )

    def defaults(self) -> Defaults:
        """Return what a config need not say."""
        folder = FOLDER.absolute()
        return Defaults(
            destination_url=self.destination_url or f"duckdb://{folder / 'warehouse.duckdb'}",
            runs_url=self.runs_url or (folder / "runs").as_uri(),
            default_project=self.gcp_project_id,
            default_dataset=self.bigquery_dataset,
            tick_url=self.tick_url,
        )

    @property
    def tick_budget(self) -> timedelta:
        """How long a tick may take."""
        return timedelta(seconds=self.tick_budget_seconds)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; what is passed and not None wins over the environment.

    Raises:
        SettingsError: with every variable that is wrong.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(map(_sentence, error.errors()))) from None


def _sentence(fault: object) -> str:
    loc, message, got = fault["loc"], fault["msg"], fault["input"]  # type: ignore[index]
    expected = message.removeprefix("Value error, ").removeprefix("Input should be ")
    if not loc:
        return f"POSTGRES_*: expected {expected}, got a part of it; set the rest"
    name = str(loc[0]).upper()
    return f"{name}: expected {expected}, got {got!r}; correct it"


def _postgres_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in {"postgresql", "postgres"}:
        message = (
            "DATABASE_URL: expected postgresql://user:password@host:port/database, got another kind of URL; correct it"
        )
        raise SettingsError(message)
    return url.set(drivername="postgresql+psycopg2")
