"""What only code can refuse in a config. Used by `configs check`, the API's 422 and the quarantine. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from orchestrator import schedule
from orchestrator.cron import shortened
from orchestrator.errors import expected_by
from orchestrator.model import Schedule
from orchestrator.spec import run_spec
from worker.contract.options import OptionsError, parse_options
from worker.contract.run_spec import RunSpec, SchemaHandling

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConfigError(ValueError):
    """A config that cannot work; the text names every field, what was expected, what was got, and what to do."""

    def __init__(self, *faults: str) -> None:
        """Keep the faults, one sentence each."""
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Checked:
    """A config that can work."""

    schedule: Schedule
    spec: RunSpec
    identity: str
    """Equal as long as source and destination mean the same data."""
    has_range: bool
    """Whether it can be backfilled."""


_COLUMNS = {"dataset": "destination_dataset", "table": "destination_table", "project": "destination_project"}


def check(frozen: Mapping[str, Any]) -> Checked:
    """Check a config (columns of `load_configs` and of `Defaults`).

    Raises:
        ConfigError: with every fault there is, one sentence each.
    """
    planned = schedule_of(frozen)
    faults = _schedule_faults(planned) + _schema_faults(frozen)
    try:
        options = parse_options(frozen["kind"], frozen["source"])
        spec = run_spec(frozen)
        options.check_mode(spec.load_mode, spec.merge_key)
    except (OptionsError, ValidationError) as error:
        raise ConfigError(*faults, *sentences(error)) from None
    if faults:
        raise ConfigError(*faults)
    return Checked(planned, spec, _identity(spec, options.identity()), options.has_range)


def _schedule_faults(planned: Schedule) -> list[str]:
    try:
        schedule.check(planned)
    except ValueError as error:
        return [str(error)]
    return []


def _schema_faults(frozen: Mapping[str, Any]) -> list[str]:
    if frozen["schema_handling"] == SchemaHandling.CUSTOM and not frozen.get("custom_schema"):
        return ["custom_schema: expected a list of columns with schema_handling 'custom', got nothing; add it"]
    return []


def sentences(error: OptionsError | ValidationError) -> list[str]:
    """Say each fault of a spec in the names that a config has."""
    return list(error.faults) if isinstance(error, OptionsError) else [_sentence(fault) for fault in error.errors()]


def schedule_of(frozen: Mapping[str, Any]) -> Schedule:
    """Return the schedule of a config; `run_every_seconds` stands for the interval, which JSON does not have."""
    seconds = frozen.get("run_every_seconds")
    every = None if seconds is None else timedelta(seconds=float(seconds))
    return Schedule(every, frozen.get("cron"), frozen.get("timezone", "UTC"))


def _identity(spec: RunSpec, source: dict[str, Any]) -> str:
    parts = [spec.kind, source, spec.destination_url, spec.project, spec.dataset, spec.table, spec.load_mode]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _sentence(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    field, *rest = map(str, fault["loc"]) if fault["loc"] else ("config",)
    where = ".".join([_COLUMNS.get(field, field), *rest])
    expected = expected_by(fault)
    return f"{where}: expected {expected}, got {shortened(repr(fault['input']))}; correct it"
