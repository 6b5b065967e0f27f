"""A spreadsheet and its tabs, as a test or a data file describes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox.sheets import a1
from sandbox.sheets.cells import Given, Stored, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SPREADSHEET = "application/vnd.google-apps.spreadsheet"
OFFICE_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_NEW_ROWS, _NEW_COLUMNS = 1000, 26  # the grid of a new tab in Sheets


@dataclass
class Tab:
    """A grid of cells; without a size it is as large as a new tab, and always as large as its rows.

    `merges` are ranges such as `A1:C1`; only their first cell keeps its value, as in Sheets.
    """

    title: str
    rows: Sequence[Sequence[Given]] = ()
    id: int = 0
    merges: Sequence[str] = ()
    row_count: int | None = None
    column_count: int | None = None
    hidden: bool = False
    cells: list[list[Stored]] = field(init=False, default_factory=list, repr=False)

    def fill(self, zone: ZoneInfo) -> None:
        """Store the rows; instants are local time in `zone` from here on."""
        self.cells = [[stored(value, zone) for value in row] for row in self.rows]
        self.rows = ()
        for area in self.merged_areas():
            self._empty_but_first(area)

    def merged_areas(self) -> list[a1.Area]:
        return [self.area(a1.parse(merge, [self.title])[1]) for merge in self.merges]

    def area(self, bounds: a1.Bounds) -> a1.Area:
        """Return the bounds within this grid; raises `RangeError`."""
        return a1.clip(self.title, bounds, *self.size())

    def size(self) -> tuple[int, int]:
        """Return the grid's rows and columns."""
        wide = max(map(len, self.cells), default=0)
        rows = _NEW_ROWS if self.row_count is None else self.row_count
        columns = _NEW_COLUMNS if self.column_count is None else self.column_count
        return max(rows, len(self.cells), 1), max(columns, wide, 1)

    def write(self, top: int, left: int, rows: Iterable[Sequence[Stored]]) -> None:
        """Put a block of cells where it belongs; readers keep what they have begun to read."""
        cells = list(self.cells)
        for index, row in enumerate(rows, start=top):
            cells.extend([] for _ in range(index + 1 - len(cells)))
            old = [*cells[index], *[None] * (left + len(row) - len(cells[index]))]
            cells[index] = [*old[:left], *row, *old[left + len(row) :]]
        self.cells = cells

    def _empty_but_first(self, area: a1.Area) -> None:
        for row in range(area.top, min(area.bottom, len(self.cells))):
            for column in range(area.left, min(area.right, len(self.cells[row]))):
                if (row, column) != (area.top, area.left):
                    self.cells[row][column] = None


@dataclass
class Spreadsheet:
    """A file in Drive; every edit raises its version.

    `shared=False` hides it from the sandbox's service account.
    `mime_type=OFFICE_WORKBOOK` makes it an .xlsx, which Sheets refuses.
    """

    id: str
    title: str = ""
    tabs: list[Tab] = field(default_factory=lambda: [Tab("Sheet1")])
    time_zone: str = "Etc/GMT"
    locale: str = "en_US"
    shared: bool = True
    mime_type: str = SPREADSHEET
    version: int = 1
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    modified_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.title = self.title or self.id
        self._zone = ZoneInfo(self.time_zone)
        self._lock = RLock()
        tabs, self.tabs = self.tabs, []
        for tab in tabs:
            self._put(tab)

    @property
    def url(self) -> str:
        return f"https://docs.google.com/spreadsheets/d/{self.id}/edit"

    def tab(self, title: str) -> Tab:
        """Return a tab by its title; raises `LookupError`."""
        found = next((tab for tab in self.tabs if tab.title == title), None)
        if found is None:
            raise LookupError(
                f"spreadsheet {self.id}: expected a tab of {[tab.title for tab in self.tabs]}, got {title!r}"
            )
        return found

    def locate(self, text: str) -> tuple[Tab, a1.Bounds]:
        """Return the tab that a range means, and the bounds within it; raises `RangeError`."""
        visible_first = sorted(self.tabs, key=lambda tab: tab.hidden)
        title, bounds = a1.parse(text, [tab.title for tab in visible_first])
        return self.tab(title), bounds

    def write(self, where: str, rows: Sequence[Sequence[Given]]) -> None:
        """Edit a block of cells whose first one is the first of `where`, such as `'My tab'!B2`."""
        with self._lock:
            self.recalculate(where, rows)
            self._edited()

    def recalculate(self, where: str, rows: Sequence[Sequence[Given]]) -> None:
        """Change cells as a volatile formula does: with no new version of the file."""
        tab, bounds = self.locate(where)
        with self._lock:
            tab.write(bounds.top, bounds.left, [[stored(value, self._zone) for value in row] for row in rows])

    def append(self, title: str, rows: Sequence[Sequence[Given]]) -> None:
        """Add rows below the last one of a tab."""
        with self._lock:
            tab = self.tab(title)
            tab.write(len(tab.cells), 0, [[stored(value, self._zone) for value in row] for row in rows])
            self._edited()

    def put(self, tab: Tab) -> None:
        """Add a tab, or replace the one of that title."""
        with self._lock:
            self._put(tab)
            self._edited()

    def rename(self, title: str, new_title: str) -> None:
        with self._lock:
            self.tab(title).title = new_title
            self._edited()

    def remove(self, title: str) -> None:
        with self._lock:
            self.tabs.remove(self.tab(title))
            self._edited()

    def _put(self, tab: Tab) -> None:
        tab.fill(self._zone)
        for index, old in enumerate(self.tabs):
            if old.title == tab.title:
                tab.id = tab.id or old.id
                self.tabs[index] = tab
                return
        # As in Sheets, the first tab has the id 0 and the others have some other number.
        if self.tabs and not tab.id:
            tab.id = max(old.id for old in self.tabs) + 1
        self.tabs.append(tab)

    def _edited(self) -> None:
        self.version += 1
        self.modified_at = datetime.now(UTC)
