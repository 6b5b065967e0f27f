"""Yahoo's chart endpoint: the daily prices that yfinance reads."""

from __future__ import annotations

from sandbox.yahoo.symbol import Bar, Symbol

__all__ = ["Bar", "Symbol"]
