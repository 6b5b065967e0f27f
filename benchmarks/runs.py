"""Empty loads through the subprocess launcher under a limit, beside Prefect's process work pool.

    benchmarks/environment && .venv/bin/python benchmarks/runs.py [--count 20] [--limit 4] [--rounds 1]

Each of ours is a whole load: a process that plans, reads a query without rows from a Postgres, publishes an empty table
to DuckDB, and reports. Each of Prefect's is a process that runs an empty flow.
From the first run asked for to the last one recorded as done.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from orchestrator.embedded import EmbeddedPostgres

PEERS = Path(__file__).parent / "peers"
PEERS_PYTHON = Path(__file__).parents[1] / ".venv-benchmarks/bin/python"
SLUICE = str(Path(sys.executable).with_name("sluice"))
_INSERT = """
    insert into load_configs (name, kind, source, destination_dataset, destination_table, run_every)
    select 'empty ' || i, 'postgresql', '{"connection": "env://SOURCE_URL", "query": "select 1 as one where false"}',
           'bench', 'empty_' || i, interval '1 day'
    from generate_series(1, :count) i
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--limit", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    ours, prefect = [], []
    for _ in range(options.rounds):
        ours.append(_ours(options.count, options.limit))
        prefect.append(_prefect(options.count, options.limit))
    mine, theirs = statistics.median(ours), statistics.median(prefect)
    print(f"{options.count} empty loads, {options.limit} at a time; medians of {options.rounds}")
    print(f"  Sluice   {mine:7.1f} s")
    print(f"  Prefect  {theirs:7.1f} s   {theirs / mine:.1f} x as long")


def _ours(count: int, limit: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder, "postgres")) as url:
            environment = os.environ | {
                "DATABASE_URL": url,
                "SOURCE_URL": url,
                "MAX_PARALLEL_JOBS": str(limit),
                "RUNS_URL": Path(folder, "runs").as_uri(),
                "DESTINATION_URL": f"duckdb://{folder}/warehouse.duckdb",
                "LOG_LEVEL": "ERROR",
            }
            subprocess.run([SLUICE, "migrate"], env=environment, check=True, capture_output=True)
            _insert(url, count)
            began = time.perf_counter()
            subprocess.run([SLUICE, "tick", "--wait"], env=environment, check=True, capture_output=True)
            seconds = time.perf_counter() - began
            _check(url, count)
            return seconds


def _insert(url: str, count: int) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        connection.execute(text(_INSERT), {"count": count})
    engine.dispose()


def _check(url: str, count: int) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect() as connection:
        done = connection.scalar(text("select count(*) from runs where state = 'succeeded'"))
    engine.dispose()
    assert done == count, f"{done} of {count} loads succeeded"


def _prefect(count: int, limit: int) -> float:
    if not PEERS_PYTHON.exists():
        raise SystemExit(f"{PEERS_PYTHON}: expected the peers, got nothing; run benchmarks/environment")
    command = [str(PEERS_PYTHON), str(PEERS / "runs_prefect.py"), str(count), str(limit)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


if __name__ == "__main__":
    main()
