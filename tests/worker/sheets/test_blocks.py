from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.sheets.blocks import BLOCK_BYTES, Blocks


def test_short_tab_is_one_block() -> None:
    blocks = Blocks(rows=1000, columns=100)
    assert (blocks.top, blocks.bottom) == (0, 1000)


def test_blocks_shrink_to_what_is_recommended() -> None:
    blocks = Blocks(rows=10_000, columns=100)
    asked = blocks.bottom
    blocks.advance(received_bytes=8 * BLOCK_BYTES)
    assert blocks.bottom - blocks.top == asked // 8


def test_blocks_grow_where_rows_are_empty() -> None:
    blocks = Blocks(rows=100_000, columns=100)
    asked = blocks.bottom
    blocks.advance(received_bytes=100)
    assert blocks.bottom - blocks.top == 4 * asked


@given(st.integers(0, 100_000), st.integers(1, 20_000), st.lists(st.integers(0, 50_000_000), min_size=1))
def test_every_row_is_in_exactly_one_block(rows: int, columns: int, sizes: list[int]) -> None:
    blocks, end = Blocks(rows, columns), 0
    for size in [*sizes, *[0] * 20]:
        if blocks:
            assert blocks.top == end < blocks.bottom
            end = blocks.bottom
            blocks.advance(size)
    assert not blocks or end < rows
    assert end <= rows
