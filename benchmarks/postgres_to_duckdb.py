"""A table from PostgreSQL into DuckDB: rows per second and peak memory, beside ADBC alone and dlt.

    benchmarks/environment && .venv/bin/python benchmarks/postgres_to_duckdb.py [--rows 2000000]

Each contender is a process of its own, and its start counts.
Ours is the whole worker: fence, plan, columns cast without loss, Parquet parts, manifest, rows and receipt, report.
ADBC alone is what is left without all that.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg2

from orchestrator.embedded import EmbeddedPostgres

PEERS = Path(__file__).parent / "peers"
PEERS_PYTHON = Path(__file__).parents[1] / ".venv-benchmarks/bin/python"
TABLE = "sales"
_FILL = """
    CREATE TABLE {table} AS
    SELECT g AS id, (g % 1000)::int AS customer, (g * 1.37)::numeric(12, 2) AS amount, g * 0.5::float8 AS ratio,
           'product ' || g % 5000 AS product, md5(g::text) AS code,
           '2020-01-01'::timestamptz + g * interval '1 second' AS at, '2020-01-01'::date + (g % 3000)::int AS day,
           g % 3 = 0 AS paid, CASE WHEN g % 4 > 0 THEN 'note on ' || g END AS note
    FROM generate_series(1::bigint, {rows}) AS g
"""


@dataclass(frozen=True)
class Result:
    """What a contender took."""

    name: str
    seconds: float
    megabytes: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder, "postgres"), durable=False) as url:
            size = _fill(url, rows)
            print(f"{rows:,} rows of 10 columns, {size / 1e6:,.0f} MB in PostgreSQL; starts of processes included")
            _print(rows, _compare(url, Path(folder), rows))


def _fill(url: str, rows: int) -> int:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(_FILL.format(table=TABLE, rows=rows))
        cursor.execute(f"VACUUM ANALYZE {TABLE}")
        cursor.execute("SELECT pg_table_size(%s)", [TABLE])
        size = (cursor.fetchone() or (0,))[0]
    connection.close()
    return int(size)


def _compare(url: str, folder: Path, rows: int) -> list[Result]:
    worker = [sys.executable, "-m", "worker"]
    results = [
        _measured("Sluice", worker, folder, f"raw.{TABLE}", rows, environment=_order(url, folder / "Sluice.duckdb")),
        _measured("ADBC alone", _peer(sys.executable, "adbc_to_duckdb.py", url), folder, "loaded", rows),
    ]
    if not PEERS_PYTHON.exists():
        print(f"dlt is left out: {PEERS_PYTHON} is not there; run benchmarks/environment")
        return results
    for backend in ("connectorx", "pyarrow"):
        command = _peer(str(PEERS_PYTHON), "dlt_to_duckdb.py", url)
        results.append(_measured(f"dlt, {backend}", command, folder, f"raw.{TABLE}", rows, backend))
    return results


def _order(url: str, file: Path) -> dict[str, str]:
    """Return the environment of a worker."""
    return {
        "CONFIG_NAME": TABLE,
        "LOAD_KIND": "postgresql",
        "LOAD_MODE": "replace",
        "SOURCE": json.dumps({"connection": "env://SALES_DATABASE_URL", "table": TABLE}),
        "SALES_DATABASE_URL": url,
        "BIGQUERY_DATASET_ID": "raw",
        "BIGQUERY_TABLE_ID": TABLE,
        "DESTINATION_URL": f"duckdb://{file}",
    }


def _peer(python: str, script: str, url: str) -> list[str]:
    return [python, str(PEERS / script), url, TABLE]


def _measured(
    name: str,
    command: list[str],
    folder: Path,
    loaded: str,
    rows: int,
    *arguments: str,
    environment: dict[str, str] | None = None,
) -> Result:
    file = folder / f"{name}.duckdb"
    command = command if environment else [*command, str(file), *arguments]
    began = time.perf_counter()
    everything = os.environ | (environment or {})
    process = subprocess.Popen(command, env=everything, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name}: {said.decode()}")
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.sql(f"SELECT count(*) FROM {loaded}").fetchall() == [(rows,)]
    return Result(name, seconds, usage.ru_maxrss / 1024)


def _print(rows: int, results: list[Result]) -> None:
    ours = results[0]
    for result in results:
        print(
            f"  {result.name:16} {rows / result.seconds:11,.0f} rows/s {result.megabytes:7,.0f} MB   "
            f"Sluice: {result.seconds / ours.seconds:5.2f} x as fast, {ours.megabytes / result.megabytes:5.2f} x the MB"
        )


if __name__ == "__main__":
    main()
