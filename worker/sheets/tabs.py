"""The tabs of a spreadsheet, and which of them a config means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from worker.errors import ConfigurationError
from worker.sheets.headers import Merge, column_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.contract.options.google_sheet import Options

METADATA_FIELDS = (
    "spreadsheetId,properties(title,timeZone),"
    "sheets(properties(sheetId,title,hidden,gridProperties(rowCount,columnCount)),merges)"
)
_CUSTOM_ZONE = re.compile(r"GMT([+-])(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab with cells, and what is needed to read it."""

    gid: int
    title: str
    rows: int
    columns: int
    time_zone: str
    """Of the whole spreadsheet: an IANA name, or `GMT-07:00`."""
    merges: tuple[Merge, ...] = ()
    hidden: bool = False

    @property
    def zone(self) -> tzinfo:
        """The zone whose wall clock its date-times show.

        Raises:
            ConfigurationError: nobody knows it.
        """
        if custom := _CUSTOM_ZONE.fullmatch(self.time_zone):
            sign, hours, minutes = custom.groups()
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            return timezone(-offset if sign == "-" else offset, self.time_zone)
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigurationError(
                f"time zone of the spreadsheet: expected an IANA name, got {self.time_zone!r};"
                " choose one in File > Settings"
            ) from None

    def window(self) -> dict[str, Any]:
        """Return what a plan keeps of it."""
        return {
            "gid": self.gid,
            "title": self.title,
            "rows": self.rows,
            "columns": self.columns,
            "time_zone": self.time_zone,
        }

    def a1(self, top: int, bottom: int, left: int = 0, right: int | None = None) -> str:
        """Return a range in A1 notation; zero-based, ends exclusive, all columns unless told."""
        title = self.title.replace("'", "''")
        last = (self.columns if right is None else right) - 1
        return f"'{title}'!{column_letters(left)}{top + 1}:{column_letters(last)}{bottom}"


def read_tabs(spreadsheet: dict[str, Any]) -> list[Tab]:
    """Return the tabs that have cells; those of charts and connected data have none."""
    zone = spreadsheet["properties"].get("timeZone", "Etc/GMT")
    sheets = spreadsheet.get("sheets", [])
    return [_tab(sheet, zone) for sheet in sheets if "gridProperties" in sheet["properties"]]


def choose_tab(tabs: Sequence[Tab], options: Options, warn: Callable[[str], None]) -> Tab:
    """Return the tab that the options mean: by `gid`, else by `tab`, else by the URL's `#gid=`, else the first shown.

    Raises:
        ConfigurationError: it is not there; lists those that are.
    """
    if options.gid is not None:
        tab = tab_by_gid(tabs, options.gid, "source.gid")
        if options.tab and options.tab != tab.title:
            warn(f"source.tab: expected {options.tab!r} for gid {tab.gid}, got {tab.title!r}; the tab was renamed")
        return tab
    if options.tab:
        return _by_title(tabs, options.tab)
    if options.url_gid is not None:
        return tab_by_gid(tabs, options.url_gid, "source.url")
    if not tabs:
        raise ConfigurationError("source.url: expected a tab with cells, got a spreadsheet without any; add one")
    return next((tab for tab in tabs if not tab.hidden), tabs[0])


def tab_by_gid(tabs: Sequence[Tab], gid: int, where: str) -> Tab:
    """Return the tab of that number; `where` is the option that named it.

    Raises:
        ConfigurationError: it is not there; lists those that are.
    """
    if found := next((tab for tab in tabs if tab.gid == gid), None):
        return found
    there = ", ".join(f"{tab.gid} ({tab.title!r})" for tab in tabs)
    raise ConfigurationError(f"{where}: expected the gid of a tab, one of {there}, got {gid}; correct it")


def _by_title(tabs: Sequence[Tab], title: str) -> Tab:
    if found := next((tab for tab in tabs if tab.title == title), None):
        return found
    there = ", ".join(repr(tab.title) for tab in tabs)
    raise ConfigurationError(f"source.tab: expected the name of a tab, one of {there}, got {title!r}; correct it")


def _tab(sheet: dict[str, Any], zone: str) -> Tab:
    properties = sheet["properties"]
    grid = properties["gridProperties"]
    merges = tuple(
        Merge(merge["startRowIndex"], merge["endRowIndex"], merge["startColumnIndex"], merge["endColumnIndex"])
        for merge in sheet.get("merges", ())
    )
    return Tab(
        gid=properties.get("sheetId", 0),  # left out where it is 0, the first tab's number
        title=properties["title"],
        rows=grid["rowCount"],
        columns=grid["columnCount"],
        time_zone=zone,
        merges=merges,
        hidden=properties.get("hidden", False),
    )
