"""From what was frozen at the claim to what the worker is told. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from worker.contract.options import options_class
from worker.contract.run_folder import run_folder_url
from worker.contract.run_spec import MetadataColumns, RunSpec

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping
    from datetime import datetime

    from worker.contract.options import Options


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a config need not say; frozen with it at the claim."""

    destination_url: str
    runs_url: str
    default_project: str | None = None
    default_dataset: str | None = None
    tick_url: str | None = None

    def frozen(self) -> dict[str, str | None]:
        """Return what is kept beside the config."""
        return asdict(self)


def run_spec(
    frozen: Mapping[str, Any],
    *,
    run_id: uuid.UUID | None = None,
    attempt: int = 1,
    slot_at: datetime | None = None,
    parameters: Mapping[str, Any] | None = None,
    cursor: object = None,
) -> RunSpec:
    """Build the worker's orders from a frozen config (columns of `load_configs`, and of `Defaults`).

    Raises:
        OptionsError: there is no such kind.
        pydantic.ValidationError: a field is missing or malformed.
    """
    options = options_class(frozen["kind"])
    asked = parameters or {}
    folder = str(frozen["id"])
    earlier = [run_folder_url(run["runs_url"], folder, run["id"]) for run in frozen.get("earlier_runs") or ()]
    return RunSpec.model_validate(
        {
            "config_id": folder,
            "config_name": frozen.get("written_name") or frozen["name"],
            "kind": frozen["kind"],
            "source": frozen["source"],
            **destination(frozen, options),
            "load_mode": frozen.get("load_mode") or options.modes[0],
            "merge_key": frozen.get("merge_key") or (),
            "schema_handling": frozen["schema_handling"],
            "custom_schema": frozen.get("custom_schema"),
            "allow_drop": frozen.get("allow_drop", False),
            "metadata_columns": metadata_columns(frozen, options),
            "run_id": None if run_id is None else str(run_id),
            "attempt": attempt,
            "run_folder": run_id and run_folder_url(frozen["runs_url"], folder, str(run_id)),
            "earlier_runs": earlier,
            "slot_at": slot_at,
            "start_date": asked.get("start_date"),
            "end_date": asked.get("end_date"),
            "cursor": cursor,
            "destination_url": frozen["destination_url"],
            "tick_url": frozen.get("tick_url"),
        }
    )


def destination(frozen: Mapping[str, Any], options: type[Options]) -> dict[str, str]:
    """Return project, dataset and table: the config's, else the kind's, else the default."""
    dataset, table = options.default_table or (None, None)
    return {
        "project": frozen.get("destination_project") or frozen.get("default_project") or "",
        "dataset": frozen.get("destination_dataset") or dataset or frozen.get("default_dataset") or "",
        "table": frozen.get("destination_table") or table or "",
    }


def metadata_columns(frozen: Mapping[str, Any], options: type[Options]) -> MetadataColumns | None:
    """Return the metadata columns' names: as the config says, else on, but for kinds and schemas with exact columns."""
    written = frozen.get("metadata_columns")
    if written is None:
        on = options.metadata_columns and frozen["schema_handling"] != "custom"
        return MetadataColumns() if on else None
    return MetadataColumns.model_validate(written) if written else None
