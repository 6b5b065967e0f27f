"""A config as a person writes it: in YAML, JSON, or a request. The columns of `load_configs`, with durations as words.

The flat keys of a plain sheet job (`google_sheet_url` and its companions) are read, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from orchestrator.check import ConfigError
from orchestrator.durations import format_duration, parse_duration
from orchestrator.errors import expected_by
from orchestrator.model import CatchUp
from worker.contract.run_spec import SHEET, LoadMode, SchemaHandling


def _duration(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a duration such as 15m, 6h, 1d or 90s")  # noqa: TRY004 - pydantic wants a ValueError
    return parse_duration(str(value)) if isinstance(value, str | int | float) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    Field(json_schema_extra={"type": "string", "examples": ["15m", "6h", "1d"]}),
]


def _between(least: timedelta, most: timedelta) -> AfterValidator:
    def check(duration: timedelta) -> timedelta:
        if not least <= duration <= most:
            raise ValueError(f"from {format_duration(least)} to {format_duration(most)}")
        return duration

    return AfterValidator(check)


_MINUTE, _LONGEST = timedelta(minutes=1), timedelta(days=36_500)
_Interval = Annotated[Duration, _between(_MINUTE, _LONGEST)]
_Timeout = Annotated[Duration, _between(timedelta(seconds=1), timedelta(days=7))]
_FLAT = {
    "google_cloud_project_id": "destination_project",
    "bigquery_dataset_id": "destination_dataset",
    "bigquery_table_id": "destination_table",
}
_FLAT_SOURCE = {"google_sheet_url": "url", "google_sheet_tab_name": "tab"}


class ConfigForm(BaseModel):
    """What a person may set; everything else is ours."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)

    name: Annotated[str, Field(min_length=1, max_length=255)]
    kind: str
    source: dict[str, Any] = {}
    destination_project: str | None = None
    destination_dataset: str | None = None
    destination_table: str | None = None
    load_mode: LoadMode | None = None
    merge_key: list[str] | None = None
    schema_handling: SchemaHandling = SchemaHandling.AUTO_DETECT
    custom_schema: list[dict[str, Any]] | None = None
    run_every: _Interval | None = None
    cron: str | None = None
    timezone: str = "UTC"
    catch_up: CatchUp = CatchUp.LATEST
    pool: str | None = None
    priority: Annotated[int, Field(ge=-(2**31), lt=2**31)] = 0
    size: Annotated[str, Field(pattern="^(small|medium|large|auto)$")] = "auto"
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    timeout: _Timeout = timedelta(hours=1)
    is_active: bool = True
    slack_channel: str | None = None
    alert_after: Annotated[int, Field(ge=1, lt=2**31)] = 1
    allow_drop: bool = False
    metadata_columns: dict[str, str] | bool | None = None
    owner: str | None = None
    description: str | None = None
    fresh_within: _Interval | None = None

    @model_validator(mode="before")
    @classmethod
    def _flat_keys(cls, data: object) -> object:
        """Take the flat keys of a sheet job for what they mean."""
        if not isinstance(data, dict) or not ({*_FLAT, *_FLAT_SOURCE, "run_frequency_hours"} & data.keys()):
            return data
        form = {_FLAT.get(key, key): value for key, value in data.items() if key not in _FLAT_SOURCE}
        named = {_FLAT_SOURCE[key]: value for key, value in data.items() if key in _FLAT_SOURCE and value}
        source = data.get("source", {})
        if isinstance(source, dict):  # else what is wrong is said of the field
            source = {**source, **named}
        hours = form.pop("run_frequency_hours", None)
        if hours is not None:
            form["run_every"] = f"{hours}h"
        return {"kind": SHEET, "metadata_columns": False, **form, "source": source}

    @classmethod
    def read(cls, data: object, where: str = "config") -> Self:
        """Read a config as a person wrote it.

        Raises:
            ConfigError: with every field that is wrong.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(*(_sentence(where, fault) for fault in error.errors())) from None

    @classmethod
    def read_changed(cls, written: Mapping[str, Any], changes: Mapping[str, Any]) -> Self:
        """Read a config with some fields changed; naming one kind of schedule takes the other one away.

        Raises:
            ConfigError: with every field that is wrong.
        """
        other = {"run_every": "cron", "cron": "run_every"}
        gone = {other[name]: None for name in other if changes.get(name) is not None}
        return cls.read({**written, **gone, **changes})

    def frozen(self) -> dict[str, Any]:
        """Return the config as a claim would freeze it, without the defaults."""
        seconds = None if self.run_every is None else self.run_every.total_seconds()
        return {"id": 0, **self.model_dump(mode="json"), "run_every_seconds": seconds}


def _sentence(where: str, fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    field = ".".join(map(str, fault["loc"])) or where
    if fault["type"] == "missing":
        return f"{field}: expected a value, got nothing; add it"
    if fault["type"] == "extra_forbidden":
        return f"{field}: expected no such field, got {fault['input']!r}; remove it or correct its name"
    expected = expected_by(fault)
    return f"{field}: expected {expected}, got {fault['input']!r}; correct it"
