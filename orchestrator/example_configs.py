"""Configs to begin with: `sluice example`, and the examples of the API's pages."""

from __future__ import annotations

from typing import Any

from worker.contract.options import options_class
from worker.contract.run_spec import SHEET

SHEET_URL: str = options_class(SHEET).example["url"]


def example_config(kind: str) -> dict[str, Any]:
    """Return a config of a kind that works once the names in it are replaced."""
    options = options_class(kind)
    where = {"destination_dataset": "raw", "destination_table": f"my_{kind}"} if options.default_table is None else {}
    return {"name": f"my_{kind}", "kind": kind, "source": options.example, **where, "run_every": "1d"}


FLAT_CONFIG = {
    "name": "sales_data_sync",
    "google_sheet_url": SHEET_URL,
    "google_sheet_tab_name": "Q4_Sales",
    "google_cloud_project_id": "my-project",
    "bigquery_dataset_id": "sales",
    "bigquery_table_id": "q4_data",
    "schema_handling": "auto_detect",
}
"""A sheet in the flat keys of a plain sheet job."""
