"""DuckDB keeps what every destination promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.worker.destinations.conformance import TARGET, DestinationConformance

if TYPE_CHECKING:
    from pathlib import Path

    from worker.destination import Target


class TestDuckDB(DestinationConformance):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"duckdb://{tmp_path}/lake.duckdb"

    def rows(self, url: str, target: Target = TARGET) -> list[dict[str, Any]]:
        name = ".".join('"' + part.replace('"', '""') + '"' for part in ("lake", target.dataset, target.table))
        with duckdb.connect(url.removeprefix("duckdb://"), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows: list[dict[str, Any]] = connection.sql(f"FROM {name} ORDER BY 1").to_arrow_table().to_pylist()
        return rows
