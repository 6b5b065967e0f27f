"""Runs of the tests' own kind of source (`rows`), each in a process of its own, into a DuckDB file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from worker.contract.run_folder import RunFolder
from worker.contract.run_spec import LoadMode, MetadataColumns, RunSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.support.processes import ForkServer, Started
    from worker.contract.report import Report


@dataclass
class Runs:
    """A source, a destination and the folders of the runs between them."""

    processes: ForkServer
    home: Path

    @property
    def file(self) -> Path:
        return self.home / "rows.json"

    @property
    def lake(self) -> Path:
        return self.home / "lake.duckdb"

    def write_rows(self, ids: Sequence[int], **values: object) -> None:
        """Make these the rows of the source."""
        rows = [{"id": id_, "name": f"row {id_}", "day": f"2026-01-{id_:02}", **values} for id_ in ids]
        self.file.write_text(json.dumps(rows))

    def folder(self, run_id: str) -> RunFolder:
        return RunFolder(f"file://{self.home}/runs/rows/{run_id}")

    def report(self, run_id: str, attempt: int = 1) -> Report:
        report = self.folder(run_id).report(attempt)
        assert report is not None
        return report

    def spec(self, run_id: str, *, earlier: Sequence[str] = (), **fields: Any) -> RunSpec:  # noqa: ANN401 - RunSpec's
        """Return the spec of a run that appends; `source` adds options, other keywords are fields of the spec."""
        standard = {
            "config_name": "rows",
            "kind": "rows",
            "dataset": "lake",
            "table": "rows",
            "load_mode": LoadMode.APPEND,
            "metadata_columns": MetadataColumns(),
            "run_id": run_id,
            "run_folder": self.folder(run_id).url,
            "earlier_runs": tuple(self.folder(run).url for run in earlier),
            "destination_url": f"duckdb://{self.lake}",
        }
        source = {"file": str(self.file), **fields.pop("source", {})}
        return RunSpec.model_validate(standard | fields | {"source": source})

    def start(self, spec: RunSpec, *arguments: str, **variables: str) -> Started:
        """Start the worker for a spec; a keyword is one more variable of its environment."""
        return self.start_in(self.environment(spec, **variables), *arguments)

    def start_in(self, environment: Mapping[str, str], *arguments: str) -> Started:
        """Start the worker in an environment."""
        return self.processes.start(
            "tests.support.worker_main:main", arguments, environment=environment, output=self.home / "output.log"
        )

    def run(self, run_id: str, *, failpoint: str = "", **fields: Any) -> int:  # noqa: ANN401 - RunSpec's
        """Run the worker to its end and return its exit code."""
        return self.start(self.spec(run_id, **fields), **({"FAILPOINT": failpoint} if failpoint else {})).wait()

    def environment(self, spec: RunSpec, **variables: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **spec.to_env(), **variables}

    def output(self) -> str:
        """Return what all of the workers have printed."""
        return (self.home / "output.log").read_text()

    def ids(self, table: str = "rows") -> list[int]:
        """Return the ids in the destination, each as often as it is there."""
        return [id_ for (id_,) in self.query(f"SELECT id FROM lake.lake.{table} ORDER BY id")]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the destination; a table that is not there has no rows."""
        if not self.lake.exists():
            return []
        with duckdb.connect(self.lake) as connection:
            try:
                return connection.execute(sql).fetchall()
            except duckdb.CatalogException:
                return []
