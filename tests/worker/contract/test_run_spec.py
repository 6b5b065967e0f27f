"""A run as environment variables, and back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.contract.custom_schema import Column, ColumnType, Mode
from worker.contract.run_spec import VARIABLES, LoadMode, MetadataColumns, RunSpec, SchemaHandling, SpecError

GOLDEN = Path(__file__).with_name("golden")
SHEET_URL = "https://docs.google.com/spreadsheets/d/1abc/edit"
SPECS = {
    "sheet": RunSpec(
        config_id="7",
        config_name="sales_data_sync",
        source={"url": SHEET_URL, "tab": "Q4_Sales", "header_row": 2},
        project="hkd-reporting",
        dataset="sales",
        table="q4_data",
        schema_handling=SchemaHandling.CUSTOM,
        custom_schema=[
            Column(name="amount", type=ColumnType.INT64, mode=Mode.REQUIRED),
            Column(name="note", type=ColumnType.STRING, description="free text"),
        ],
        allow_drop=True,
        run_id="5f0e",
        attempt=2,
        run_folder="file:///srv/runs/runs/sales_data_sync/5f0e",
        slot_at=datetime(2026, 1, 2, 3, tzinfo=UTC),
        destination_url="duckdb:///srv/lake.duckdb",
        tick_url="http://127.0.0.1:8080/tick",
    ),
    "table": RunSpec(
        config_name="Aufträge",
        kind="postgresql",
        source={"connection": "env://SHOP_DATABASE_URL", "table": "public.orders"},
        dataset="shop",
        table="orders",
        load_mode=LoadMode.MERGE,
        merge_key=("id", "shop"),
        metadata_columns=MetadataColumns(run_id="_run", loaded_at="_at"),
        earlier_runs=("file:///srv/runs/a", "file:///srv/runs/b"),
        start_date=date(2026, 1, 1),
        end_date=date(2026, 1, 31),
        cursor={"at": "2026-01-02T03:04:05.000006+00:00"},
    ),
}
SEED = {
    "CONFIG_ID": "1",
    "CONFIG_NAME": "sales_data_sync",
    "GOOGLE_SHEET_URL": SHEET_URL,
    "GOOGLE_SHEET_TAB_NAME": "Q4_Sales",
    "GOOGLE_CLOUD_PROJECT_ID": "hkd-reporting",
    "BIGQUERY_DATASET_ID": "sales",
    "BIGQUERY_TABLE_ID": "q4_data",
    "SCHEMA_HANDLING": "auto_detect",
    "CUSTOM_SCHEMA": "",
}
NEEDED = {name: SEED[name] for name in ("CONFIG_NAME", "GOOGLE_SHEET_URL", "BIGQUERY_DATASET_ID", "BIGQUERY_TABLE_ID")}
json_values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def read_golden(name: str) -> dict[str, str]:
    lines = (GOLDEN / f"{name}.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", SPECS)
def test_spec_is_rendered_as_it_always_was(name: str) -> None:
    assert dict(sorted(SPECS[name].to_env().items())) == read_golden(name)


@pytest.mark.parametrize("name", SPECS)
def test_environment_is_read_back(name: str) -> None:
    assert RunSpec.from_env(read_golden(name)) == SPECS[name]


def test_variables_of_a_plain_sheet_job_are_enough() -> None:
    spec = RunSpec.from_env(SEED)
    assert (spec.kind, spec.load_mode, spec.destination_url) == ("google_sheet", LoadMode.REPLACE, "bigquery://")
    assert spec.source == {"url": SHEET_URL, "tab": "Q4_Sales"}
    assert (spec.run_id, spec.run_folder, spec.attempt, spec.metadata_columns) == (None, None, 1, None)
    assert RunSpec.from_env(NEEDED).config_id is None


def test_variables_of_others_are_left_alone() -> None:
    assert RunSpec.from_env({**SEED, "PATH": "/bin", "HOME": "/root"}) == RunSpec.from_env(SEED)


def test_every_variable_is_known_by_name() -> None:
    used = {name for spec in SPECS.values() for name in spec.to_env()}
    assert used == VARIABLES


@given(json_values, json_values)
def test_any_source_and_cursor_travel_unchanged(value: object, cursor: object) -> None:
    spec = RunSpec(config_name="c", kind="k", dataset="d", table="t", source={"option": value}, cursor=cursor)
    assert RunSpec.from_env(spec.to_env()) == spec


@pytest.mark.parametrize("cursor", [0, "", False, [], {}])
def test_cursor_that_is_empty_is_still_a_cursor(cursor: object) -> None:
    spec = RunSpec(config_name="c", kind="k", dataset="d", table="t", cursor=cursor)
    assert RunSpec.from_env(spec.to_env()).cursor == cursor


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"CONFIG_NAME": ""}, "CONFIG_NAME: expected a value, got nothing; set it"),
        ({"GOOGLE_SHEET_URL": ""}, "GOOGLE_SHEET_URL: expected the URL of a Google Sheet, got nothing; set it"),
        ({"BIGQUERY_TABLE_ID": ""}, "BIGQUERY_TABLE_ID: expected"),
        ({"RUN_ATTEMPT": "0"}, "RUN_ATTEMPT: expected greater than or equal to 1, got '0'; correct it"),
        ({"LOAD_MODE": "upsert"}, "LOAD_MODE: expected 'append', 'replace', 'partitions' or 'merge', got 'upsert'"),
        ({"CUSTOM_SCHEMA": "[{"}, "CUSTOM_SCHEMA: expected JSON, got '[{'; correct it"),
        ({"CUSTOM_SCHEMA": '[{"name":"a","type":"VARCHAR"}]'}, "CUSTOM_SCHEMA.0.type: expected"),
        ({"CUSTOM_SCHEMA": '[{"name":"a","type":"INT64","precision":5}]'}, "CUSTOM_SCHEMA.0.precision: expected"),
        ({"SOURCE": "[1]"}, "SOURCE: expected a JSON object, got '[1]'"),
        ({"END_DATE": "2026-02-30"}, "END_DATE: expected"),
        ({"EARLIER_RUNS": '"one"'}, "EARLIER_RUNS: expected"),
        ({"ALLOW_DROP": "perhaps"}, "ALLOW_DROP: expected"),
    ],
)
def test_fault_names_the_variable(changes: dict[str, str], text: str) -> None:
    with pytest.raises(SpecError) as raised:
        RunSpec.from_env(SEED | changes)
    assert text in str(raised.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(SpecError) as raised:
        RunSpec.from_env(SEED | {"CONFIG_NAME": "", "RUN_ATTEMPT": "first"})
    assert str(raised.value) == (
        "CONFIG_NAME: expected a value, got nothing; set it;"
        " RUN_ATTEMPT: expected a valid integer, unable to parse string as an integer, got 'first'; correct it"
    )
