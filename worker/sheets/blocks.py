"""Which rows to ask for next, so that an answer has about the size that Google recommends."""

from __future__ import annotations

BLOCK_BYTES = 2_000_000
"""https://developers.google.com/workspace/sheets/api/limits recommends at most 2 MB."""
FIRST_CELLS = 100_000
"""Of values, which weigh some ten bytes; as long as nobody knows how long the texts are, rather too few."""
FASTEST_GROWTH = 4


class Blocks:
    """Divides the rows of a tab by what the answers before weighed."""

    def __init__(self, rows: int, columns: int) -> None:
        """Begin at the first row, knowing the tab's size alone."""
        self._rows = rows
        self._size = max(1, FIRST_CELLS // max(columns, 1))
        self.top = 0

    def __bool__(self) -> bool:
        """Tell whether there is more to read."""
        return self.top < self._rows

    @property
    def bottom(self) -> int:
        """The row after the block."""
        return min(self.top + self._size, self._rows)

    def advance(self, received_bytes: int) -> None:
        """Go on after the block, knowing the size of the answer that brought it."""
        fitting = self._size * BLOCK_BYTES // max(received_bytes, 1)
        self.top = self.bottom
        self._size = max(1, min(fitting, self._size * FASTEST_GROWTH))
