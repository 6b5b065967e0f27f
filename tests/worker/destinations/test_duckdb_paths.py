"""Paths of parts hold the keys of units, which a source may choose freely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.support.staging import Stager
from tests.worker.destinations.conformance import APPEND, TARGET, orders
from worker.destination import open_destination
from worker.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def test_folder_that_looks_like_a_partition_says_nothing_about_a_column(tmp_path: Path) -> None:
    parts = Stager(tmp_path / "id=9")(orders(1, 2))
    destination = open_destination(f"duckdb://{tmp_path}/lake.duckdb", Settings())
    destination.publish(TARGET, "run/id=9", parts, APPEND)
    assert ids(tmp_path) == [1, 2]


@pytest.mark.parametrize("folder", ["a[1]", "a*"])
def test_folder_that_looks_like_a_pattern_is_one_folder(tmp_path: Path, folder: str) -> None:
    Stager(tmp_path / "a1")(orders(7))
    parts = Stager(tmp_path / folder)(orders(1, 2))
    destination = open_destination(f"duckdb://{tmp_path}/lake.duckdb", Settings())
    destination.publish(TARGET, "run/a", parts, APPEND)
    assert ids(tmp_path) == [1, 2]


def ids(folder: Path) -> list[int]:
    with duckdb.connect(folder / "lake.duckdb", read_only=True) as connection:
        rows: pa.Table = connection.sql("FROM lake.shop.orders ORDER BY id").to_arrow_table()
    return [row["id"] for row in rows.to_pylist()]
