"""What a Google Sheet may be told: which file, which tab, where its header is."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, StringConstraints

from worker.contract.options import Options as AnyOptions
from worker.contract.run_spec import LoadMode

MOST_HEADER_ROWS = 5

_ID = r"[A-Za-z0-9_-]+"
_BARE_ID = re.compile(_ID)
_URL = re.compile(rf"(?:https?://)?docs\.google\.com/(?:a/[^/]+/)?spreadsheets/(?:u/\d+/)?d/({_ID})(?:[/?#].*)?")
_PUBLISHED = re.compile(r"(?:https?://)?docs\.google\.com/(?:a/[^/]+/)?spreadsheets/(?:u/\d+/)?d/e/.*")
_GID = re.compile(r"[#?&]gid=(\d+)")


def _is_sheet(url: str) -> str:
    if _PUBLISHED.fullmatch(url):
        raise ValueError("the address that the browser shows while the sheet is open for editing, not a published copy")
    if not (_URL.fullmatch(url) or _BARE_ID.fullmatch(url)):
        raise ValueError("the URL of a Google Sheet (https://docs.google.com/spreadsheets/d/...) or its bare id")
    return url


class Options(AnyOptions):
    """One tab of one spreadsheet. Which tab: `gid`, else `tab`, else the `#gid=` of the URL, else the first."""

    title: ClassVar[str] = "Google Sheet"
    modes: ClassVar[tuple[LoadMode, ...]] = (LoadMode.REPLACE, LoadMode.APPEND, LoadMode.MERGE)
    example: ClassVar[dict[str, Any]] = {
        "url": "https://docs.google.com/spreadsheets/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
        "tab": "Q4_Sales",
    }

    url: Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_is_sheet)]
    """The sheet's URL, or the bare id out of it."""
    tab: Annotated[str, Field(min_length=1)] | None = None
    """The tab's name, exactly as the sheet shows it."""
    gid: Annotated[int, Field(ge=0)] | None = None
    """The tab's number, as in `#gid=` of its URL; it survives a renaming of the tab."""
    header_row: Annotated[int, Field(ge=1)] | None = None
    """The sheet row in which the header begins; by default the first row that is not empty."""
    header_rows: Annotated[int, Field(ge=1, le=MOST_HEADER_ROWS)] = 1
    """How many rows the header takes; more than one are joined as `Group / Sub`."""
    skip_unchanged: bool = False
    """Load nothing while Drive's version of the file is that of the last load.

    Formulas such as NOW() or IMPORTRANGE() change without a new version, hence off by default.
    """

    @property
    def spreadsheet_id(self) -> str:
        """The file's id, also when the URL was given."""
        found = _URL.fullmatch(self.url)
        return found[1] if found else self.url

    @property
    def url_gid(self) -> int | None:
        """The tab that the URL points at, if it does."""
        found = _GID.search(self.url)
        return int(found[1]) if found else None

    def identity(self) -> dict[str, Any]:
        """Return what says which data this is; the same file by another form of its URL is the same."""
        return {
            "spreadsheet_id": self.spreadsheet_id,
            "tab": self.tab,
            "gid": self.gid if self.gid is not None or self.tab else self.url_gid,
            "header_row": self.header_row,
            "header_rows": self.header_rows,
        }
