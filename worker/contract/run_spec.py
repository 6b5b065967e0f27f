"""What one run shall do, and how it travels: as environment variables.

For a sheet the variables of a plain sheet job are kept exactly (`GOOGLE_SHEET_URL` and its companions), so a worker
started by hand with only those loads the sheet.
`SOURCE` carries the options of every other kind, and what a sheet has beyond them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.contract.custom_schema import Column

SHEET = "google_sheet"
SHEET_VARIABLES = {"url": "GOOGLE_SHEET_URL", "tab": "GOOGLE_SHEET_TAB_NAME"}


class LoadMode(StrEnum):
    """What publishing does to the rows that are there."""

    APPEND = "append"  # adds the unit's rows
    REPLACE = "replace"  # the table is exactly the unit's rows
    PARTITIONS = "partitions"  # each day among the unit's rows is replaced as a whole
    MERGE = "merge"  # rows with the same key are replaced, others added


class SchemaHandling(StrEnum):
    """Who says what the columns are."""

    AUTO_DETECT = "auto_detect"
    CUSTOM = "custom"


class SpecError(ValueError):
    """The environment does not say what to load; the text says which variable, expected what, got what."""


class MetadataColumns(BaseModel):
    """Names of the two columns that a load adds to each row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str = "_sluice_run_id"
    loaded_at: str = "_sluice_loaded_at"


class RunSpec(BaseModel):
    """One run, frozen when it is claimed. Every attempt of it gets the same, but for `attempt`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config_id: str | None = None
    config_name: str = Field(min_length=1)
    kind: str = SHEET
    source: dict[str, Any] = Field(default_factory=dict)
    project: str = ""
    dataset: str = Field(min_length=1)
    table: str = Field(min_length=1)
    load_mode: LoadMode = LoadMode.REPLACE
    merge_key: tuple[str, ...] = ()
    schema_handling: SchemaHandling = SchemaHandling.AUTO_DETECT
    custom_schema: list[Column] | None = None
    allow_drop: bool = False
    metadata_columns: MetadataColumns | None = None
    run_id: str | None = None
    attempt: int = Field(default=1, ge=1)
    run_folder: str | None = None
    earlier_runs: tuple[str, ...] = ()
    """Run folders of launched runs of this config since its last success, oldest first."""
    slot_at: datetime | None = None
    start_date: date | None = None
    end_date: date | None = None
    """Inclusive."""
    cursor: Any = None
    destination_url: str = "bigquery://"
    tick_url: str | None = None

    def to_env(self) -> dict[str, str]:
        """Render as environment variables; what is not set is left out."""
        source = dict(self.source)
        named = {name: source.pop(key, None) for key, name in SHEET_VARIABLES.items()} if self.kind == SHEET else {}
        values: dict[str, Any] = {
            "CONFIG_ID": self.config_id,
            "CONFIG_NAME": self.config_name,
            **named,
            "GOOGLE_CLOUD_PROJECT_ID": self.project,
            "BIGQUERY_DATASET_ID": self.dataset,
            "BIGQUERY_TABLE_ID": self.table,
            "SCHEMA_HANDLING": self.schema_handling,
            "CUSTOM_SCHEMA": _json([column.model_dump(exclude_none=True) for column in self.custom_schema])
            if self.custom_schema
            else None,
            "LOAD_KIND": self.kind,
            "LOAD_MODE": self.load_mode,
            "SOURCE": _json(source),
            "MERGE_KEY": self.merge_key and _json(self.merge_key),
            "ALLOW_DROP": "true" if self.allow_drop else None,
            "METADATA_COLUMNS": self.metadata_columns and self.metadata_columns.model_dump_json(),
            "RUN_ID": self.run_id,
            "RUN_ATTEMPT": str(self.attempt),
            "RUN_FOLDER": self.run_folder,
            "EARLIER_RUNS": self.earlier_runs and _json(self.earlier_runs),
            "SLOT_AT": self.slot_at and self.slot_at.isoformat(),
            "START_DATE": self.start_date and self.start_date.isoformat(),
            "END_DATE": self.end_date and self.end_date.isoformat(),
            "CURSOR": None if self.cursor is None else _json(self.cursor),
            "DESTINATION_URL": self.destination_url,
            "TICK_URL": self.tick_url,
        }
        return {name: str(value) for name, value in values.items() if value not in (None, "", ())}

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read back what `to_env` wrote, or what a person set by hand.

        Raises:
            SpecError: a variable is missing or malformed; names it.
        """
        kind = environment.get("LOAD_KIND") or SHEET
        source = _parse(environment, "SOURCE") or {}
        if not isinstance(source, dict):
            raise SpecError(f"SOURCE: expected a JSON object, got {environment['SOURCE'][:80]!r}; correct it")
        if kind == SHEET:
            source |= {key: environment[name] for key, name in SHEET_VARIABLES.items() if environment.get(name)}
            if "url" not in source:
                raise SpecError("GOOGLE_SHEET_URL: expected the URL of a Google Sheet, got nothing; set it")
        fields = {name: environment[variable] for name, variable in _PLAIN.items() if environment.get(variable)}
        fields |= {
            name: value for name, variable in _AS_JSON.items() if (value := _parse(environment, variable)) is not None
        }
        try:
            return cls.model_validate({"kind": kind, "source": source, **fields})
        except ValidationError as error:
            raise SpecError(_in_variables(error)) from None


_PLAIN = {
    "config_id": "CONFIG_ID",
    "config_name": "CONFIG_NAME",
    "project": "GOOGLE_CLOUD_PROJECT_ID",
    "dataset": "BIGQUERY_DATASET_ID",
    "table": "BIGQUERY_TABLE_ID",
    "schema_handling": "SCHEMA_HANDLING",
    "load_mode": "LOAD_MODE",
    "allow_drop": "ALLOW_DROP",
    "run_id": "RUN_ID",
    "attempt": "RUN_ATTEMPT",
    "run_folder": "RUN_FOLDER",
    "slot_at": "SLOT_AT",
    "start_date": "START_DATE",
    "end_date": "END_DATE",
    "destination_url": "DESTINATION_URL",
    "tick_url": "TICK_URL",
}
_AS_JSON = {
    "custom_schema": "CUSTOM_SCHEMA",
    "merge_key": "MERGE_KEY",
    "metadata_columns": "METADATA_COLUMNS",
    "earlier_runs": "EARLIER_RUNS",
    "cursor": "CURSOR",
}
VARIABLES = frozenset({*SHEET_VARIABLES.values(), *_PLAIN.values(), *_AS_JSON.values(), "LOAD_KIND", "SOURCE"})
"""Every variable of the contract. A user's own environment must not use these names."""


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _parse(environment: Mapping[str, str], variable: str) -> Any:  # noqa: ANN401 - JSON is what it is
    text = environment.get(variable)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise SpecError(f"{variable}: expected JSON, got {text[:80]!r}; correct it") from None


def _in_variables(error: ValidationError) -> str:
    """Say a validation error in the names that the environment has."""
    names = _PLAIN | _AS_JSON
    problems = []
    for item in error.errors():
        field, *rest = map(str, item["loc"])
        where = ".".join([names.get(field, field), *rest])
        if item["type"] == "missing":
            problems.append(f"{where}: expected a value, got nothing; set it")
        else:
            expected, got = item["msg"].removeprefix("Input should be "), repr(item["input"])[:80]
            problems.append(f"{where}: expected {expected}, got {got}; correct it")
    return "; ".join(problems)
