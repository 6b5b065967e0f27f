"""Staging a unit: the batches of a source become Parquet parts, and the manifest that names exactly these."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Self, cast
from urllib.parse import quote

import obstore
import pyarrow as pa
import pyarrow.parquet as pq

from worker import stop
from worker.contract.run_folder import Manifest, Part, open_store
from worker.failpoints import reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from worker.attempt import Attempt

ROW_GROUP_BYTES = 16 * 1024 * 1024
"""Rows are held in memory up to this size, as Arrow, before they are written."""
PART_BYTES = 256 * 1024 * 1024
"""A part is closed when it has this size, so that destinations read parts in parallel."""


def standing_manifest(attempt: Attempt, key: str) -> Manifest | None:
    """Return what an earlier attempt staged of a unit, if all of its parts are still there, whole."""
    manifest = attempt.folder.manifest(key)
    return manifest if manifest and all(map(_is_whole, manifest.parts)) else None


def stage(
    attempt: Attempt, key: str, batches: Iterable[pa.RecordBatch], *, warnings: Callable[[], Sequence[str]]
) -> Manifest:
    """Write a unit's parts and then its manifest; `warnings` tells, once they are written, what reading had to say."""
    folder = f"{attempt.folder.parts_url()}/{attempt.number}/{quote(key, safe='')}"
    manifest = Manifest(parts=tuple(write_parts(batches, folder)), warnings=tuple(warnings()))
    if attempt.folder.save_manifest(key, manifest) != manifest:
        # The one that stands names parts that are gone, or it would have been used.
        attempt.folder.save_manifest(key, manifest, instead=True)
    reach("worker.after_manifest")
    return manifest


def write_parts(batches: Iterable[pa.RecordBatch], folder: str) -> Iterator[Part]:
    """Write batches as Parquet files below a URL, holding one row group in memory, and yield each once it is whole."""
    groups = _row_groups(batches)
    group = next(groups, None)
    number = 0
    while group is not None:
        with _PartWriter(f"{folder}/{number:05}.parquet", group.schema) as writer:
            while group is not None and writer.size < PART_BYTES:
                writer.write(group)
                group = next(groups, None)
        yield writer.part
        reach("worker.after_part")
        number += 1


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        stop.check()
        held.append(batch)
        size += batch.nbytes
        if size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, size = [], 0
    if held:
        yield pa.Table.from_batches(held)


class _PartWriter:
    """Writes one Parquet file into an object store; it is there once it is closed, or not at all."""

    def __init__(self, url: str, schema: pa.Schema) -> None:
        self._url = url
        self._rows = 0
        root, _, name = url.rpartition("/")
        self._sink = _Sink(obstore.open_writer(open_store(root), name))
        # No dictionaries: the parts are read once, so time to write counts for more than size.
        self._parquet = pq.ParquetWriter(
            cast("IO[bytes]", self._sink), schema, compression="snappy", use_dictionary=False
        )

    @property
    def size(self) -> int:
        return self._sink.size

    @property
    def part(self) -> Part:
        return Part(url=self._url, rows=self._rows, bytes=self.size)

    def write(self, group: pa.Table) -> None:
        self._parquet.write_table(group)
        self._rows += group.num_rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: TracebackType | None) -> None:
        if kind is None:
            self._parquet.close()
            self._sink.close()


class _Sink:
    """What Arrow expects of a file, over obstore's writer."""

    closed = False

    def __init__(self, writer: Any) -> None:  # noqa: ANN401 - obstore's writer has no public class
        self._writer = writer
        self.size = 0

    def write(self, content: bytes) -> int:
        self._writer.write(bytes(content))
        self.size += len(content)
        return len(content)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self._writer.close()


def _is_whole(part: Part) -> bool:
    root, _, name = part.url.rpartition("/")
    try:
        return obstore.head(open_store(root, to_write=False), name)["size"] == part.bytes
    except FileNotFoundError:
        return False
