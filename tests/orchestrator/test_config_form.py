"""Configs as people write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.check import ConfigError
from orchestrator.config_form import ConfigForm

FLAT: dict[str, Any] = {
    "name": "sales_data_sync",
    "google_sheet_url": "https://docs.google.com/spreadsheets/d/1abc123/edit",
    "google_sheet_tab_name": "Q4_Sales",
    "google_cloud_project_id": "hkd-reporting",
    "bigquery_dataset_id": "sales",
    "bigquery_table_id": "q4_data",
    "schema_handling": "auto_detect",
}


def test_flat_keys_of_a_sheet_job_are_a_sheet_config() -> None:
    form = ConfigForm.read(FLAT | {"run_frequency_hours": 6})
    assert (form.kind, form.source) == ("google_sheet", {"url": FLAT["google_sheet_url"], "tab": "Q4_Sales"})
    assert (form.destination_project, form.destination_dataset) == ("hkd-reporting", "sales")
    assert form.destination_table == "q4_data"
    assert form.run_every == timedelta(hours=6)
    assert form.metadata_columns is False


def test_flat_sheet_without_tab_and_frequency_is_the_first_tab_on_demand() -> None:
    form = ConfigForm.read(FLAT | {"google_sheet_tab_name": None, "run_frequency_hours": None})
    assert form.source == {"url": FLAT["google_sheet_url"]}
    assert form.run_every is None


@pytest.mark.parametrize("written", ["90m", "1h30m", 5400, "01:30:00", timedelta(minutes=90)])
def test_durations_are_read_in_every_form(written: object) -> None:
    form = ConfigForm.read({"name": "n", "kind": "k", "run_every": written})
    assert form.run_every == timedelta(minutes=90)
    assert form.model_dump(mode="json")["run_every"] == "1h30m"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": None}, "kind: expected a valid string, got None; correct it"),
        ({"nme": "x"}, "nme: expected no such field, got 'x'; remove it or correct its name"),
        ({"run_every": "often"}, "run_every: expected a duration such as 15m, 6h, 1d or 90s, got 'often'; correct it"),
        ({"run_every": True}, "run_every: expected a duration such as 15m, 6h, 1d or 90s, got True; correct it"),
        (
            {"load_mode": "upsert"},
            "load_mode: expected 'append', 'replace', 'partitions' or 'merge', got 'upsert'; correct it",
        ),
        ({"max_attempts": 0}, "max_attempts: expected greater than or equal to 1, got 0; correct it"),
        ({"name": ""}, "name: expected at least 1 character, got ''; correct it"),
    ],
)
def test_fault_names_field_expected_and_got(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigForm.read({"name": "n", "kind": "k"} | wrong)
    assert str(caught.value).startswith(said)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ConfigForm.read({"priority": "high"})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["name", "kind", "priority"]


def test_what_is_no_config_at_all_is_a_fault() -> None:
    with pytest.raises(ConfigError, match=r"^config: expected"):
        ConfigForm.read([1, 2])


@pytest.mark.parametrize("source", [None, "a sheet", ["url"]])
def test_flat_keys_beside_a_source_that_is_none_are_refused(source: object) -> None:
    with pytest.raises(ConfigError, match="source: expected"):
        ConfigForm.read(FLAT | {"source": source})
