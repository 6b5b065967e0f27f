"""Examples of the OpenAPI pages: what one may send and what comes back."""

from __future__ import annotations

from typing import Any

from orchestrator.example_configs import FLAT_CONFIG, SHEET_URL, example_config
from worker.contract.options import kinds

_RUN = "0b9c6a52-6f5e-5b5e-8f2a-3a6c0d1e2f30"
_SLOT = "2026-11-20T09:00:00Z"


NEW_CONFIGS: dict[str, Any] = {kind: {"value": example_config(kind)} for kind in kinds()} | {
    "flat_sheet": {"summary": "A sheet in flat keys", "value": FLAT_CONFIG | {"run_frequency_hours": 24}}
}
CHANGES: dict[str, Any] = {
    "schedule": {"value": {"cron": "0 9 * * *", "timezone": "Europe/Kyiv"}},
    "tab": {"value": {"source": {"url": SHEET_URL, "tab": "Q1_Sales"}}},
}
DAYS: dict[str, Any] = {"january": {"value": {"start_date": "2026-01-01", "end_date": "2026-01-31"}}}

CONFIG_VIEW: dict[str, Any] = {
    "id": 1,
    "name": "sales_data_sync",
    "kind": "google_sheet",
    "source": {"url": SHEET_URL, "tab": "Q4_Sales"},
    "destination_project": "my-project",
    "destination_dataset": "sales",
    "destination_table": "q4_data",
    "load_mode": None,
    "schema_handling": "auto_detect",
    "run_every": "1d",
    "timezone": "UTC",
    "catch_up": "latest",
    "max_attempts": 3,
    "timeout": "1h",
    "is_active": True,
    "next_slot_at": _SLOT,
    "last_success_at": "2026-11-19T09:00:07Z",
    "last_rows": 344,
    "consecutive_failures": 0,
    "quarantine_reason": None,
    "created_at": "2026-11-01T09:00:00Z",
    "updated_at": "2026-11-01T09:00:00Z",
}
CHECK: dict[str, Any] = {
    "ok": True,
    "warnings": ["destination_table: q4_data is written by old_sales, too; give each a table of its own"],
    "upcoming": [_SLOT],
    "environment": {"CONFIG_NAME": "sales_data_sync", "GOOGLE_SHEET_URL": SHEET_URL, "LOAD_MODE": "replace"},
}
RUN_VIEW: dict[str, Any] = {
    "id": _RUN,
    "config": "sales_data_sync",
    "config_id": 1,
    "trigger": "schedule",
    "slot_at": _SLOT,
    "state": "succeeded",
    "attempt": 1,
    "rows": 344,
    "bytes": 20480,
    "queued_at": _SLOT,
    "launching_at": _SLOT,
    "started_at": "2026-11-20T09:00:01Z",
    "ended_at": "2026-11-20T09:00:07Z",
}
RUN_DETAILS: dict[str, Any] = RUN_VIEW | {
    "handle": "process://4711@laptop/runs/1/0b9c6a52?execution=1-9f3c",
    "log_uri": "file:///srv/sluice/runs/1/0b9c6a52/output-1.log",
    "warnings": [],
    "schema_changes": ["added column discount FLOAT"],
    "spec": {"name": "sales_data_sync", "kind": "google_sheet"},
}
LOG = '{"severity": "INFO", "time": "2026-11-20T09:00:07Z", "message": "run succeeded", "rows": 344}\n'
TICK: dict[str, Any] = {
    "started_at": _SLOT,
    "counts": {"enqueued": 3, "claimed": 3, "launched": 3, "succeeded": 2},
    "complete": True,
    "live": 3,
    "explanations": [],
}
HINT: dict[str, Any] = {"accepted": _RUN}
METRICS = "sluice_queue_depth 0.0\nsluice_live_runs 3.0\nsluice_last_tick_age_seconds 12.5\n"


def answer(description: str, example: object) -> dict[str, Any]:
    """Return an entry of `responses`: what the answer says, and one such."""
    return {"description": description, "content": {"application/json": {"example": example}}}
