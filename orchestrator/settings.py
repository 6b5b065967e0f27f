"""Everything that can be set, read once, in the composition root; passed on as values.

Every field is an environment variable of the same name in capitals; `.env` is read, too, and the environment wins.
What is written on the command line wins over both.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.durations import parse_duration
from orchestrator.errors import SettingsError, expected_by
from orchestrator.spec import Defaults

FOLDER = Path(".sluice")
"""Where the embedded defaults keep what they keep, below the working directory."""
ENV_FILE = ".env"

_POSTGRES = ("postgres_host", "postgres_port", "postgres_db", "postgres_user", "postgres_password")
_NEEDED = ("postgres_host", "postgres_db", "postgres_user")


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """The orchestrator's settings. The worker's are its own, in `worker.settings`."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, extra="ignore", frozen=True, env_ignore_empty=True, str_strip_whitespace=True
    )

    database_url: SecretStr | None = Field(
        default=None, description="The Postgres that holds the configs; wins over POSTGRES_*. Neither: an embedded one."
    )
    postgres_host: str | None = Field(
        default=None, description="Host of the Postgres; needs POSTGRES_DB and POSTGRES_USER."
    )
    postgres_port: int = Field(default=5432, description="Port of the Postgres.")
    postgres_db: str | None = Field(default=None, description="Database name.")
    postgres_user: str | None = Field(default=None, description="Role to connect as.")
    postgres_password: SecretStr | None = Field(default=None, description="Password of the role.")

    runs_url: str = Field(default="", description="Where run folders are kept. Default: ./.sluice, as a file:// URL.")
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

    listen_host: str = Field(default="127.0.0.1", description="Address that `sluice serve` listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8080, description="Port that `sluice serve` listens on; 0 takes a free one."
    )
    tick_every: Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))] | None = Field(
        default=None, description="`sluice serve` ticks by itself this often (1m); unset: only when asked."
    )
    tick_url: str | None = Field(
        default=None,
        description="Where workers say that they are done, so that the next run starts at once."
        " Default under `sluice serve`: its own /tick.",
    )
    admin_token: SecretStr | None = Field(
        default=None, description="Bearer token of the HTTP API; needed to listen beyond loopback."
    )

    slack_bot_token: SecretStr | None = Field(default=None, description="Token of a Slack app with chat:write.")
    slack_channel: str | None = Field(default=None, description="Channel of configs that name none.")
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="An incoming webhook instead of a token; it has no threads."
    )
    slack_api_url: str = Field(default="https://slack.com/api/", description="Slack's API, or a stand-in.")

    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @model_validator(mode="after")
    def _whole_group(self) -> Self:
        """A half-set group is a mistake, never the embedded database."""
        missing = [name.upper() for name in _NEEDED if getattr(self, name) is None]
        if self.database_url is None and missing and self.model_fields_set & {*_POSTGRES}:
            raise ValueError(f"{' and '.join(missing)} beside the other POSTGRES_ variables, or DATABASE_URL alone")
        return self

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
            runs_url=self.runs_url or folder.as_uri(),
            default_project=self.gcp_project_id,
            default_dataset=self.bigquery_dataset,
            tick_url=self.tick_url,
        )

    @property
    def tick_budget(self) -> timedelta:
        """How long a tick may take."""
        return timedelta(seconds=self.tick_budget_seconds)

    @property
    def launch_within(self) -> timedelta:
        """How long a launch may go unanswered."""
        return timedelta(seconds=self.launch_within_seconds)

    @property
    def retry_delay(self) -> timedelta:
        """How long the second attempt waits."""
        return timedelta(seconds=self.retry_delay_seconds)


def load_settings(**written: object) -> Settings:
    """Read the settings; what is `written` on the command line, and not None, wins over the environment.

    Raises:
        SettingsError: with every variable that is wrong.
    """
    values: dict[str, Any] = {name: value for name, value in written.items() if value is not None}
    if "database_url" not in values and values.keys() & {*_POSTGRES}:
        values["database_url"] = None  # the environment's DATABASE_URL wins over its POSTGRES_*, not over flags
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(fault) for fault in error.errors())) from None


def _sentence(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    expected = expected_by(fault)
    if not fault["loc"]:
        return f"POSTGRES_*: expected {expected}, got a part of it; set the rest"
    name = str(fault["loc"][0])
    field = Settings.model_fields.get(name)
    secret = field is not None and "SecretStr" in str(field.annotation)
    got = "something else (not shown)" if secret else repr(fault["input"])
    return f"{name.upper()}: expected {expected}, got {got}; correct it"


def _postgres_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        url = None
    if url is None or url.get_backend_name() not in {"postgresql", "postgres"}:
        raise SettingsError(
            "DATABASE_URL: expected postgresql://user:password@host:port/database, got something else (not shown);"
            " correct it"
        )
    return url.set(drivername="postgresql+psycopg2")
