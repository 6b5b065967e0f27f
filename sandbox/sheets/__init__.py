"""Google Sheets v4: spreadsheets that a program describes, and the service that serves them."""

from __future__ import annotations

from sandbox.sheets.cells import (
    CURRENCY,
    DATE,
    DATE_TIME,
    DURATION,
    NUMBER,
    PERCENT,
    SCIENTIFIC,
    TEXT,
    TIME,
    Cell,
    ErrorValue,
    NumberFormat,
)
from sandbox.sheets.spreadsheet import OFFICE_WORKBOOK, Spreadsheet, Tab

__all__ = [
    "CURRENCY",
    "DATE",
    "DATE_TIME",
    "DURATION",
    "NUMBER",
    "OFFICE_WORKBOOK",
    "PERCENT",
    "SCIENTIFIC",
    "TEXT",
    "TIME",
    "Cell",
    "ErrorValue",
    "NumberFormat",
    "Spreadsheet",
    "Tab",
]
