"""ADBC alone: stream the table URL/TABLE into the DuckDB file PATH, with no cast and no receipt."""

from __future__ import annotations

import sys

import adbc_driver_postgresql.dbapi
import duckdb

URL, TABLE, PATH = sys.argv[1:]

with adbc_driver_postgresql.dbapi.connect(URL) as source, source.cursor() as cursor, duckdb.connect(PATH) as target:
    cursor.execute(f"SELECT * FROM {TABLE}")
    batches = cursor.fetch_record_batch()
    target.execute("CREATE TABLE loaded AS SELECT * FROM batches")
