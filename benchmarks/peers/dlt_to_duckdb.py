"""dlt: replace a table of the DuckDB file PATH by the table URL/TABLE, with BACKEND. Run with .venv-benchmarks."""

from __future__ import annotations

import sys
import tempfile
from urllib.parse import parse_qs, quote, urlsplit

import dlt
from dlt.sources.sql_database import sql_table

URL, TABLE, PATH, BACKEND = sys.argv[1:]
where = {name: values[0] for name, values in parse_qs(urlsplit(URL).query).items()}
# ConnectorX takes a socket's folder as a host only.
SOCKET_AS_HOST = f"postgresql://postgres@{quote(where['host'], safe='')}:{where['port']}{urlsplit(URL).path}"

with tempfile.TemporaryDirectory() as folder:
    destination = dlt.destinations.duckdb(PATH)
    pipeline = dlt.pipeline("benchmark", pipelines_dir=folder, destination=destination, dataset_name="raw")
    table = sql_table(
        URL.replace("postgresql://", "postgresql+psycopg2://"),
        TABLE,
        backend=BACKEND,
        chunk_size=100_000,
        backend_kwargs={"conn": SOCKET_AS_HOST} if BACKEND == "connectorx" else {},
    )
    pipeline.run(table, write_disposition="replace", loader_file_format="parquet").raise_on_failed_jobs()
