"""A unit's staged parts, as something that DuckDB can select from."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from worker.contract.run_folder import local_path
from worker.destinations.duckdb.columns import held, literal, quoted
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from worker.contract.run_folder import Part

ROW = '"row number"'
"""A column of `Unit.relation`: the row's place in its unit, from 1. No name of ours has a space."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Parts of one schema."""

    paths: tuple[Path, ...]
    schema: pa.Schema
    """What DuckDB keeps of it."""
    staged: pa.Schema

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Unit:
        """Look at the parts' schema.

        Raises:
            ConfigurationError: the parts are not on this machine.
        """
        paths = tuple(_path(part) for part in parts)
        staged = pq.read_schema(paths[0])
        kept = pa.schema([field.with_type(held(field.type)) for field in staged])
        return cls(paths, kept, staged)

    def relation(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Return what to select from, in the parts' order."""
        if self.schema.types == self.staged.types:
            # A path is that of one file: `*` in it is no pattern, and a folder `id=7` says nothing about a column.
            paths = ", ".join(literal(glob.escape(str(path))) for path in self.paths)
            source = f"read_parquet([{paths}], hive_partitioning = false)"
        else:
            source = self._converted(connection)
        return f"(SELECT *, row_number() OVER () AS {ROW} FROM {source})"

    def _converted(self, connection: duckdb.DuckDBPyConnection) -> str:
        """Copy the parts into a temporary table, since DuckDB would read decimals of more than 38 digits as DOUBLE."""
        name = quoted("temp", "staged unit")
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        connection.register("staged batches", reader)
        connection.execute(f'CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM "staged batches"')
        connection.unregister("staged batches")
        return name

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for path in self.paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches():
                    yield from pa.Table.from_batches([batch]).cast(self.schema).to_batches()


def _path(part: Part) -> Path:
    if not part.url.startswith("file://"):
        raise ConfigurationError(
            f"RUN_FOLDER: expected a file:// folder for a DuckDB destination, got {part.url}; set RUNS_URL to one"
        )
    return local_path(part.url)
