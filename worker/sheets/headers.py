"""Which row is the header, and what its columns are called. The rule is told on the page of this source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.contract.options.google_sheet import MOST_HEADER_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged area; zero-based, ends exclusive. Only its first cell has a value."""

    top: int
    bottom: int
    left: int
    right: int


def column_letters(index: int) -> str:
    """Return the letters of a zero-based column: 0 is A, 26 is AA."""
    letters = ""
    while index >= 0:
        index, letter = divmod(index, 26)
        letters = chr(ord("A") + letter) + letters
        index -= 1
    return letters


def address(row: int, column: int) -> str:
    """Return where a cell is, zero-based, as the sheet shows it: (0, 0) is A1."""
    return f"{column_letters(column)}{row + 1}"


def header_end(top: int, rows: int, merges: Iterable[Merge]) -> int:
    """Return the row after the header, which reaches down as far as the merged cells that begin in its rows.

    Merged cells that reach further than a header can are something else, and no reason to take data for a header.
    """
    end = top + rows
    for merge in sorted(merges, key=lambda merge: merge.top):
        if top <= merge.top < end and merge.bottom <= top + MOST_HEADER_ROWS:
            end = max(end, merge.bottom)
    return end


def spread(texts: Mapping[tuple[int, int], str], merges: Iterable[Merge]) -> dict[tuple[int, int], str]:
    """Give the text of a merged cell to every cell that it covers."""
    covered = dict(texts)
    for merge in merges:
        if text := texts.get((merge.top, merge.left)):
            cells = (
                (row, column) for row in range(merge.top, merge.bottom) for column in range(merge.left, merge.right)
            )
            covered.update(dict.fromkeys(cells, text))
    return covered


def flatten(parts: Iterable[str]) -> str:
    """Join what stands above one another to one name, `Group / Sub`; the same text twice counts once."""
    words = (" ".join(part.split()) for part in parts)
    return " / ".join(dict.fromkeys(word for word in words if word))


def name_columns(headers: Sequence[str], filled: Sequence[bool]) -> list[str | None]:
    """Name every column, or None where there is neither a header nor a value.

    A column without a header gets its letters. Of those with the same name, all but the first get the lowest number
    from 2 on that makes a name which no other column has; a written header comes before letters.
    """
    names: list[str | None] = [None] * len(headers)
    taken = {header.casefold() for header in headers if header}
    seen: set[str] = set()
    for index, header in enumerate(headers):
        if header:
            names[index] = _distinct(header, seen, taken)
    for index, header in enumerate(headers):
        if filled[index] and not header:
            names[index] = _distinct(column_letters(index), taken, taken)
    return names


def _distinct(name: str, seen: set[str], taken: set[str]) -> str:
    chosen, number = name, 2
    if name.casefold() in seen:
        while f"{name}_{number}".casefold() in taken:
            number += 1
        chosen = f"{name}_{number}"
    seen.add(chosen.casefold())
    taken.add(chosen.casefold())
    return chosen
