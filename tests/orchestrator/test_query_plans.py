"""Queries keep to their indexes when the history is long: none reads a big table as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, create_engine, text

from orchestrator.sql import queries
from tests.support.postgres import sqlalchemy_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = "00000000-0000-0000-0000-000000000000"

_HISTORY = """
    insert into load_configs (name, kind, source, destination_dataset, destination_table, run_every)
    select 'config ' || i, 'google_sheet', '{"url": "u"}', 'raw', 't' || i, interval '1 hour'
    from generate_series(1, 3000) i;
    delete from config_changes;
    update load_states set next_slot_at = timestamptz '2027-01-01' + config_id * interval '1 second';
    insert into runs (id, config_id, config_name, trigger, slot_at, state, queued_at, ended_at)
    select gen_random_uuid(), i % 3000 + 1, 'config', 'schedule', timestamptz '2020-01-01' + i * interval '1 minute',
           'succeeded', timestamptz '2020-01-01' + i * interval '1 minute', now()
    from generate_series(1, 30000) i;
    insert into alerts (id, key, kind, config_name, body, sent_at)
    select gen_random_uuid(), 'a' || i, 'failure', 'config', '{}', now() from generate_series(1, 5000) i;
    insert into ticks (id, started_at, seconds, counts, complete)
    select gen_random_uuid(), timestamptz '2020-01-01' + i * interval '1 minute', 1, '{}', true
    from generate_series(1, 5000) i;
    analyze;
"""

_PAGE = {"states": None, "before_at": NOW, "before_id": NOBODY, "limit": 21}

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("tick", "live_runs", {"only": None}),
    ("tick", "changed_configs", {"most": 20_000}),
    ("tick", "due_configs", {"now": NOW, "most": 20_000}),
    ("tick", "end_hopeless_runs", {"now": NOW}),
    ("tick", "live_count", {}),
    ("tick", "claim_runs", {"now": NOW, "free": 5, "defaults": "{}", "launch_within": timedelta(seconds=60)}),
    ("tick", "relaunch_runs", {"run_ids": [NOBODY], "now": NOW, "launch_within": timedelta(seconds=60)}),
    ("tick", "stale_configs", {"now": NOW}),
    ("tick", "waiting_runs", {}),
    ("history", "list_runs", {"config_id": None, **_PAGE}),
    ("history", "list_runs", {"config_id": 5, **_PAGE}),
    ("history", "find_run", {"first": NOBODY, "last": NOBODY}),
    ("history", "cancel_run", {"id": NOBODY}),
]


@pytest.fixture(scope="module")
def long_history(postgres_server: Engine, _template: str) -> Iterator[Connection]:
    """A migrated database with a long history, shared by the cases, which change nothing."""
    name = "query_plans"
    with postgres_server.connect() as server:
        server.execute(text(f"drop database if exists {name} with (force)"))
        server.execute(text(f"create database {name} template {_template} strategy file_copy"))
        engine = create_engine(sqlalchemy_url(str(postgres_server.url)).set(database=name))
        with engine.connect() as connection:
            connection.execute(text(_HISTORY))
            yield connection
        engine.dispose()
        server.execute(text(f"drop database {name} with (force)"))


def _scanned_whole(plan: dict[str, Any]) -> set[str]:
    found = {plan["Relation Name"]} if plan["Node Type"] == "Seq Scan" else set()
    return found.union(*(_scanned_whole(part) for part in plan.get("Plans", [])))


@pytest.mark.parametrize(("file", "name", "values"), CASES, ids=[f"{i}-{case[1]}" for i, case in enumerate(CASES)])
def test_query_reads_no_big_table_as_a_whole(
    long_history: Connection, file: str, name: str, values: dict[str, Any]
) -> None:
    explained = long_history.execute(text(f"explain (format json) {queries(file)[name].text}"), values).scalar_one()
    plan = explained if isinstance(explained, list) else json.loads(explained)
    assert _scanned_whole(plan[0]["Plan"]) & {"runs", "load_states", "alerts", "ticks", "load_configs"} == set()
