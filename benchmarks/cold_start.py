"""How soon a worker asks its source for the first time, beside importing that source's client alone.

    .venv/bin/python benchmarks/cold_start.py [--rounds 7]

A worker's clock runs from the start of its process to the first connection that reaches the source; the import's from
the start of a process to its end, which does nothing but import the client. In turn, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from sandbox.server import DATA, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

_CLIENTS = {"google_sheet": "gspread", "stock_prices": "yfinance", "postgresql": "adbc_driver_postgresql.dbapi"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for kind, client in _CLIENTS.items():
        workers, imports = [], []
        for _ in range(options.rounds):
            imports.append(_import(client))
            workers.append(_worker(kind))
        worker, alone = statistics.median(workers), statistics.median(imports)
        print(f"{kind:14} first request {worker:5.2f} s, import {client} {alone:5.2f} s: {worker / alone:4.2f} x")


def _import(client: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {client}"], check=True)
    return time.perf_counter() - began


def _worker(kind: str) -> float:
    """Return the seconds until the first request; the load itself is ended then."""
    return _until_postgres() if kind == "postgresql" else _until_sandbox(kind)


def _until_sandbox(kind: str) -> float:
    with Sandbox(DATA) as sandbox, tempfile.TemporaryDirectory() as home:
        environment = {**sandbox.environment, "XDG_CACHE_HOME": home, **_orders(kind)}
        service = {"google_sheet": "oauth", "stock_prices": "yahoo"}[kind]
        return _time(environment, lambda: sandbox.requests.wait(service, 1))


def _until_postgres() -> float:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        environment = {"SOURCE_URL": f"postgresql://me@127.0.0.1:{port}/shop", **_orders("postgresql")}
        return _time(environment, listener.accept)


def _orders(kind: str) -> dict[str, str]:
    source = {
        "google_sheet": {},
        "stock_prices": {"tickers": ["^GSPC"]},
        "postgresql": {"connection": "env://SOURCE_URL", "table": "orders"},
    }[kind]
    dates = {"START_DATE": "2018-01-02", "END_DATE": "2018-01-31", "LOAD_MODE": "partitions"}
    return {
        "CONFIG_NAME": kind,
        "LOAD_KIND": kind,
        "SOURCE": json.dumps(source),
        "GOOGLE_SHEET_URL": "https://docs.google.com/spreadsheets/d/sandbox-penguins_raw/edit",
        "BIGQUERY_DATASET_ID": "raw",
        "BIGQUERY_TABLE_ID": kind,
        "DESTINATION_URL": "duckdb:///tmp/cold_start_that_never_loads.duckdb",
        **(dates if kind == "stock_prices" else {}),
    }


def _time(environment: dict[str, str], first_request: Callable[[], object]) -> float:
    began = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen([sys.executable, "-m", "worker"], env=os.environ | environment, **quiet)  # type: ignore[call-overload]
    first_request()
    seconds = time.perf_counter() - began
    worker.kill()
    worker.wait()
    return seconds


if __name__ == "__main__":
    main()
