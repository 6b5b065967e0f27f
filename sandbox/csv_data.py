"""Data files as services: CSVs become spreadsheets as Sheets' own import makes them, and symbols with their bars."""

from __future__ import annotations

import csv
import json
import re
from contextlib import suppress
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sandbox.sheets.spreadsheet import Spreadsheet, Tab
from sandbox.yahoo.symbol import Bar, Symbol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.sheets.cells import Given

_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_BOOLEANS = {"TRUE": True, "FALSE": False}


def spreadsheets(folder: Path) -> Iterator[Spreadsheet]:
    """Yield one spreadsheet per `sheets/*.csv`.

    `penguins raw.csv` has the id `sandbox-penguins-raw`, the title `penguins raw`, and one tab of that name.
    """
    for path in sorted((folder / "sheets").glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = [[as_entered(text) for text in row] for row in csv.reader(lines)]
        yield Spreadsheet(spreadsheet_id(path.stem), path.stem, [Tab(path.stem, rows)])


def symbols(folder: Path) -> Iterator[Symbol]:
    """Yield one symbol per `stocks/*.csv`; `stocks/symbols.json` describes it, or else it is named by its file."""
    described = folder / "stocks" / "symbols.json"
    descriptions = json.loads(described.read_text(encoding="utf-8")) if described.exists() else {}
    for path in sorted((folder / "stocks").glob("*.csv")):
        yield Symbol(bars=list(_bars(path)), **_description(descriptions.get(path.stem, {"symbol": path.stem})))


def spreadsheet_id(name: str) -> str:
    """Return the id of the spreadsheet made of a file: what an id cannot hold becomes a hyphen."""
    return "sandbox-" + re.sub(r"[^A-Za-z0-9_-]", "-", name)


def as_entered(text: str) -> Given:
    """Return what Sheets makes of a text that somebody types or imports."""
    if not text:
        return None
    if text.upper() in _BOOLEANS:
        return _BOOLEANS[text.upper()]
    if _NUMBER.fullmatch(text) and any(character.isdigit() for character in text):
        return float(text.replace(",", ""))
    with suppress(ValueError):  # the thirtieth of February stays a text
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    return text


def _bars(path: Path) -> Iterator[Bar]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            try:
                yield _bar(row)
            except (KeyError, ValueError) as error:
                columns = "Date, Open, High, Low, Close, Adj Close and Volume"
                raise ValueError(f"{path}, line {number}: expected {columns}, got {row} ({error!r})") from error


def _bar(row: dict[str, str]) -> Bar:
    return Bar(
        day=_day(row["Date"]),
        open=_price(row["Open"]),
        high=_price(row["High"]),
        low=_price(row["Low"]),
        close=_price(row["Close"]),
        adjusted_close=_price(row.get("Adj Close", "")),
        volume=int(float(row["Volume"])) if row["Volume"] else None,
    )


def _day(text: str) -> date:
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    month, day, year = text.split("/")
    return date(int(year), int(month), int(day))


def _price(text: str) -> float | None:
    return float(text) if text else None


def _description(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: time.fromisoformat(value) if key.endswith("_at") else value for key, value in entry.items()}
