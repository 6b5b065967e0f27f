"""JSON whose long arrays are encoded block by block, so that a million cells need neither time nor memory at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = Any  # what `json.dumps` takes, with `Rows` anywhere an array may stand


@dataclass(frozen=True)
class Rows:
    """An array that is encoded when it is sent; each block is some of its items, encoded and joined by commas."""

    blocks: Callable[[], Iterator[str]]


def encode(document: Json) -> Iterator[bytes]:
    """Yield the document as UTF-8 JSON, one block of rows at a time."""
    arrays: list[Rows] = []

    def placeholder(rows: Rows) -> str:
        arrays.append(rows)
        return "\0rows\0"

    text = json.dumps(document, default=placeholder, ensure_ascii=False, separators=(",", ":"))
    first, *others = text.split('"\\u0000rows\\u0000"')
    yield first.encode()
    for rows, after in zip(arrays, others, strict=True):
        yield b"["
        for number, block in enumerate(rows.blocks()):
            yield (f",{block}" if number else block).encode()
        yield f"]{after}".encode()


def head(document: Json, items: int) -> Json:
    """Return the document with only the first `items` of each `Rows`, decoded."""
    if isinstance(document, Rows):
        return json.loads(f"[{next(document.blocks(), '')}]")[:items]
    if isinstance(document, dict):
        return {key: head(value, items) for key, value in document.items()}
    if isinstance(document, list):
        return [head(value, items) for value in document]
    return document
