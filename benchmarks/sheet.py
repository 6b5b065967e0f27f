"""A sheet of a million cells: cells per second and peak memory, beside gspread's own `get_all_records` into pandas.

    benchmarks/environment && .venv/bin/python benchmarks/sheet.py [--rows 50000] [--rounds 3]

Every contender is a process of its own, measured from its start to its end, and reads the same sheet from the sandbox:
gspread into a pandas frame, this source into Arrow batches, and a whole worker into a table of a DuckDB file.
Only the latter two keep dates, times and texts with leading zeros what they are.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from sandbox.server import Sandbox
from sandbox.sheets import Spreadsheet, Tab
from tests.support.measured import Measured, run_measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
PEER = ROOT / "benchmarks/peers/sheet_gspread.py"
PEERS_PYTHON = ROOT / ".venv-benchmarks/bin/python"
KEY = "million"
COLUMNS = ("id", "name", "city", "note", "code", "day", "paid", *(f"measure_{number}" for number in range(13)))
TO_ARROW = """
import os
from worker.contract.options.google_sheet import Options
from tests.worker.sources.conformance import make_request
from worker.sources.google_sheet import open_source
source = open_source(Options(url=os.environ["GOOGLE_SHEET_URL"]), make_request(batch_size=10_000))
print(sum(batch.num_rows for unit in source.plan() for batch in source.read(unit)))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        sandbox.sheets.add(Spreadsheet(KEY, tabs=[Tab("Sheet1", list(_rows(options.rows)))]))
        environment = {**os.environ, **sandbox.environment, "PYTHONPATH": str(ROOT), "GOOGLE_SHEET_URL": KEY}
        _print(options.rows, [_round(environment, folder, options.rows) for _ in range(options.rounds)])


def _rows(count: int) -> Iterator[Sequence[Any]]:
    yield COLUMNS
    for number in range(count):
        day = date(2020, 1, 1) + timedelta(days=number % 1500)
        yield [
            number,
            f"customer {number % 997}",
            f"city {number % 31}",
            "some words, as people write them" if number % 3 else None,
            f"{number % 100_000:05}",
            day,
            number % 2 == 0,
            *(number * step / 7 for step in range(13)),
        ]


def _round(environment: Mapping[str, str], folder: str, rows: int) -> dict[str, Measured]:
    if not PEERS_PYTHON.exists():
        raise SystemExit(f"{PEERS_PYTHON}: expected the peers, got nothing; run benchmarks/environment")
    return {
        "gspread into pandas": _read([str(PEERS_PYTHON), str(PEER), KEY], environment, rows),
        "Sluice into Arrow": _read([sys.executable, "-c", TO_ARROW], environment, rows),
        "Sluice into DuckDB": _load(environment, Path(folder, "warehouse.duckdb"), rows),
    }


def _load(environment: Mapping[str, str], warehouse: Path, rows: int) -> Measured:
    warehouse.unlink(missing_ok=True)
    order = {
        "CONFIG_NAME": "benchmark",
        "BIGQUERY_DATASET_ID": "raw",
        "BIGQUERY_TABLE_ID": "loaded",
        "DESTINATION_URL": f"duckdb://{warehouse}",
        "LOG_LEVEL": "WARNING",
    }
    measured = run_measured([sys.executable, "-m", "worker"], {**environment, **order})
    assert measured.exit_code == 0
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("SELECT count(*) FROM raw.loaded").fetchall() == [(rows,)]
    return measured


def _read(command: list[str], environment: Mapping[str, str], rows: int) -> Measured:
    measured = run_measured(command, environment)
    assert (measured.exit_code, measured.stdout.strip()) == (0, str(rows)), measured
    return measured


def _print(rows: int, rounds: Sequence[Mapping[str, Measured]]) -> None:
    cells = (rows + 1) * len(COLUMNS)
    peer = _medians(rounds, "gspread into pandas")
    print(f"{cells:,} cells; medians of {len(rounds)}")
    for name in rounds[0]:
        seconds, megabytes = _medians(rounds, name)
        print(
            f"  {name:20} {cells / seconds:9,.0f} cells/s ({peer[0] / seconds:.2f} x)"
            f"   {megabytes:4.0f} MB at the peak ({megabytes / peer[1]:.2f} x)"
        )


def _medians(rounds: Sequence[Mapping[str, Measured]], name: str) -> tuple[float, float]:
    found = [measured[name] for measured in rounds]
    return statistics.median(one.seconds for one in found), statistics.median(one.megabytes for one in found)


if __name__ == "__main__":
    main()
