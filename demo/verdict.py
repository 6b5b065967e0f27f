"""Whether all of it came out as it must; each line is a promise of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import psycopg2

from demo import source
from demo.stage import LIMIT
from sandbox.server import DATA

if TYPE_CHECKING:
    from pathlib import Path

    from demo.stage import Stage

_EXPECTED = {
    "penguins": "succeeded",
    "flights": "succeeded",
    "airlines": "succeeded",
    "airports": "succeeded",
    "planes": "succeeded",
    "stocks": "succeeded",
    "penguins_typo": "rejected",
}


@dataclass
class Verdict:
    """Findings, printed as they are made."""

    failed: int = 0
    lines: list[str] = field(default_factory=list)

    def expect(self, what: str, expected: object, got: object) -> None:
        """Compare and say so."""
        good = expected == got
        self.failed += not good
        line = f"{'ok  ' if good else 'FAIL'}  {what}: {got}" + ("" if good else f" (expected {expected})")
        self.lines.append(line)
        print(f"  {line}", flush=True)


def check_runs(stage: Stage, verdict: Verdict) -> None:
    """Every config ended as it had to, in parallel, and never more than the limit at once."""
    with psycopg2.connect(stage.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("select config_name, state from runs where state <> 'skipped' order by queued_at, config_name")
        verdict.expect("each load ended as it must", _EXPECTED, dict(cursor.fetchall()))
        cursor.execute(
            "select name from load_states join load_configs on id = config_id where quarantined_at is not null"
        )
        verdict.expect("quarantined", ["pigeons"], [name for (name,) in cursor.fetchall()])
        cursor.execute(_MOST_AT_ONCE)
        ((most,),) = cursor.fetchall()
        verdict.expect(f"loads at the same time, of {LIMIT} allowed", LIMIT, most)


_MOST_AT_ONCE = """
    select max(live) from (
        select sum(step) over (order by at, step) as live
        from (select launching_at as at, 1 as step from runs where launching_at is not null
              union all select ended_at, -1 from runs where launching_at is not null) moments) counted
"""


def check_rows(stage: Stage, verdict: Verdict) -> None:
    """Source and destination have the same number of rows, once each."""
    for table, rows in source.count(stage.source_url).items():
        verdict.expect(f"rows of air.{table}", rows, _count(stage.warehouse, f"air.{table}"))
    verdict.expect("rows of zoo.penguins", _lines("sheets/penguins_raw.csv"), _count(stage.warehouse, "zoo.penguins"))
    prices = _lines("stocks/sp500.csv") + _lines("stocks/nasdaq.csv")
    verdict.expect("rows of market_raw.stock_prices", prices, _count(stage.warehouse, "market_raw.stock_prices"))


def check_appended(stage: Stage, verdict: Verdict, added: int) -> None:
    """The second load of flights appended what was added, and nothing else."""
    with psycopg2.connect(stage.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select rows from runs where config_name = 'flights' and state = 'succeeded' order by ended_at desc limit 1"
        )
        ((rows,),) = cursor.fetchall()
    verdict.expect("rows of the second load of flights", added, rows)
    once = "select count(*) - count(distinct id) from air.flights"
    verdict.expect("flights that are there twice", 0, _query(stage.warehouse, once))
    total = source.count(stage.source_url)["flights"]
    verdict.expect("rows of air.flights", total, _count(stage.warehouse, "air.flights"))


def check_messages(stage: Stage, verdict: Verdict) -> None:
    """Slack got one message for the load that failed and one for the row in quarantine."""
    texts = [message.text for message in stage.sandbox.slack.messages]
    told = [name for name in ("penguins_typo", "pigeons") if sum(name in text for text in texts) == 1]
    verdict.expect("Slack heard once of", ["penguins_typo", "pigeons"], told)
    verdict.expect("messages", len(told), len(texts))


def _count(warehouse: Path, table: str) -> int:
    return _query(warehouse, f"select count(*) from {table}")


def _query(warehouse: Path, query: str) -> int:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ((value,),) = connection.execute(query).fetchall()
        return int(value)


def _lines(name: str) -> int:
    """Rows of a CSV file with a header and no line breaks within a value."""
    return len((DATA / name).read_text().splitlines()) - 1
