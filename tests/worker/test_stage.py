"""Staged parts: bounded in memory and in size, whole or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from worker import stage as staging
from worker.contract.run_folder import local_path
from worker.stage import write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIB = 1024


def batches(count: int, *, rows: int = 128) -> Iterator[pa.RecordBatch]:
    """Yield batches of `rows` int64: by default a KiB each."""
    for number in range(count):
        yield pa.RecordBatch.from_pydict({"n": list(range(number * rows, (number + 1) * rows))})


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"file://{tmp_path}/parts/1/unit"


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "ROW_GROUP_BYTES", 4 * KIB)
    monkeypatch.setattr(staging, "PART_BYTES", 12 * KIB)


def test_parts_say_what_they_are(folder: str) -> None:
    (part,) = write_parts(batches(3), folder)
    path = local_path(part.url)
    assert (part.url, part.rows, part.bytes) == (f"{folder}/00000.parquet", 384, path.stat().st_size)
    assert pq.read_table(path).column("n").to_pylist() == list(range(384))


def test_unit_without_rows_has_a_part_with_its_columns(folder: str) -> None:
    (part,) = write_parts([pa.RecordBatch.from_pydict({"n": pa.array([], pa.int64())})], folder)
    assert part.rows == 0
    assert pq.read_schema(local_path(part.url)).names == ["n"]


@pytest.mark.usefixtures("_small_limits")
def test_no_more_rows_are_held_than_a_row_group_takes(folder: str) -> None:
    taken = 0

    def source() -> Iterator[pa.RecordBatch]:
        nonlocal taken
        for batch in batches(9):
            taken += 1
            yield batch

    (*_, last) = write_parts(source(), folder)
    groups = [
        pq.ParquetFile(path).metadata.row_group(place).num_rows
        for path in sorted(local_path(folder).iterdir())
        for place in range(pq.ParquetFile(path).metadata.num_row_groups)
    ]
    assert taken == 9
    assert groups == [512, 512, 128]
    assert last.rows


@pytest.mark.usefixtures("_small_limits")
def test_large_unit_is_split_into_parts_in_order(folder: str) -> None:
    parts = list(write_parts(batches(200), folder))
    assert len(parts) > 2
    assert all(part.bytes < 12 * KIB + 8 * KIB for part in parts)
    tables = [pq.read_table(local_path(part.url)) for part in parts]
    assert [table.num_rows for table in tables] == [part.rows for part in parts]
    assert pa.concat_tables(tables).column("n").to_pylist() == list(range(200 * 128))


def test_part_that_was_not_finished_is_not_there(folder: str) -> None:
    def source() -> Iterator[pa.RecordBatch]:
        yield from batches(1, rows=3_000_000)
        raise ConnectionError("the source hung up")

    with pytest.raises(ConnectionError):
        list(write_parts(source(), folder))
    assert list(local_path(folder).glob("*.parquet")) == []
