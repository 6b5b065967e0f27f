from __future__ import annotations

import json

import pytest

from sandbox.streamed_json import Rows, encode, head

BLOCKS = Rows(lambda: iter(["1,2", "3"]))
EMPTY = Rows(lambda: iter(()))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        (BLOCKS, [1, 2, 3]),
        ({"a": [{"rows": BLOCKS}, {"rows": EMPTY}], "b": "ü"}, {"a": [{"rows": [1, 2, 3]}, {"rows": []}], "b": "ü"}),
    ],
)
def test_document_is_encoded_with_its_rows(document: object, expected: object) -> None:
    assert json.loads(b"".join(encode(document))) == expected


def test_head_takes_the_first_rows_only() -> None:
    assert head({"a": [BLOCKS], "b": EMPTY}, 1) == {"a": [[1]], "b": []}
