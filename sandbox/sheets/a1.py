"""A1 notation: which tab, and which of its cells.

Rules: https://developers.google.com/workspace/sheets/api/guides/concepts#cell; errors are in Google's own words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CELLS = re.compile(r"\$?([A-Za-z]{0,3})\$?([1-9]\d*)?(?::\$?([A-Za-z]{0,3})\$?([1-9]\d*)?)?")
_QUOTED = re.compile(r"'((?:[^']|'')+)'(?:!(.+))?")
_PLAIN_TITLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CELL_LIKE = re.compile(r"[A-Za-z]{1,3}\d+|[Rr]\d*[Cc]\d*")


class RangeError(ValueError):
    """Google's message for a range that it cannot read, or that lies outside the grid."""


@dataclass(frozen=True)
class Bounds:
    """Half-open, zero-based; an end of None is where the grid ends."""

    top: int = 0
    bottom: int | None = None
    left: int = 0
    right: int | None = None


@dataclass(frozen=True)
class Area:
    """Half-open, zero-based, within a grid."""

    top: int
    bottom: int
    left: int
    right: int


def parse(text: str, titles: list[str]) -> tuple[str, Bounds]:
    """Return the title of the tab and the bounds within it; without a title, the first of `titles` is meant.

    Raises `RangeError` when the text is no range of these tabs.
    """
    title, cells = _split(text)
    if title is None and cells is not None:
        bounds = _bounds(cells)
        if bounds is not None:
            return titles[0], bounds
        title, cells = cells, None  # what does not read as cells is the name of a tab
    bounds = Bounds() if cells is None else _bounds(cells)
    if title not in titles or bounds is None:
        raise RangeError(f"Unable to parse range: {text}")
    return title, bounds


def clip(title: str, bounds: Bounds, rows: int, columns: int) -> Area:
    """Return the bounds within a grid of this size; raises `RangeError` when they start outside it."""
    bottom = rows if bounds.bottom is None else bounds.bottom
    right = columns if bounds.right is None else bounds.right
    if bounds.top >= rows or bounds.left >= columns:
        where = label(title, Area(bounds.top, max(bottom, bounds.top + 1), bounds.left, max(right, bounds.left + 1)))
        raise RangeError(f"Range ({where}) exceeds grid limits. Max rows: {rows}, max columns: {columns}")
    return Area(bounds.top, min(bottom, rows), bounds.left, min(right, columns))


def label(title: str, area: Area) -> str:
    """Return the area as Google writes it back, such as `'My tab'!A1:C10`."""
    first = f"{column_letters(area.left)}{area.top + 1}"
    last = f"{column_letters(area.right - 1)}{area.bottom}"
    return f"{_quoted(title)}!{first}" + ("" if first == last else f":{last}")


def column_letters(index: int) -> str:
    """Return the letters of a zero-based column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, remainder = divmod(index - 1, 26)
        letters = chr(ord("A") + remainder) + letters
    return letters


def _split(text: str) -> tuple[str | None, str | None]:
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return quoted[1].replace("''", "'"), quoted[2]
    title, separator, cells = text.rpartition("!")
    return (title if separator else None), cells


def _bounds(cells: str) -> Bounds | None:
    match = _CELLS.fullmatch(cells)
    if match is None:
        return None
    first_column, first_row, last_column, last_row = match.groups()
    if ":" not in cells:
        last_column, last_row = first_column, first_row
        if not first_column or not first_row:
            return None
    if not (first_column or first_row) or not (last_column or last_row):
        return None
    top, bottom = _span(first_row and int(first_row), last_row and int(last_row))
    left, right = _span(_number(first_column), _number(last_column))
    return Bounds(top, bottom, left, right)


def _span(first: int | str | None, last: int | str | None) -> tuple[int, int | None]:
    """Turn one-based ends, of which either may be missing, into a half-open span."""
    given = sorted(int(end) for end in (first, last) if end)
    if not given:
        return 0, None
    return given[0] - 1, given[1] if len(given) > 1 else None


def _number(letters: str | None) -> int | None:
    number = 0
    for letter in (letters or "").upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number or None


def _quoted(title: str) -> str:
    if _PLAIN_TITLE.fullmatch(title) and not _CELL_LIKE.fullmatch(title):
        return title
    return "'" + title.replace("'", "''") + "'"
