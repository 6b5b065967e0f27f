"""The answer of `/v8/finance/chart/SYMBOL`."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from sandbox.web import Request
    from sandbox.yahoo.symbol import Bar, Symbol

_RANGES = {"1d": 1, "5d": 7, "1mo": 31, "3mo": 92, "6mo": 183, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}
_FIELDS: dict[str, Callable[[Bar], float | None]] = {
    "open": lambda bar: bar.open,
    "high": lambda bar: bar.high,
    "low": lambda bar: bar.low,
    "close": lambda bar: bar.close,
    "volume": lambda bar: bar.volume,
}


class ChartError(Exception):
    """Yahoo's reason for an empty chart, and the HTTP status that it comes with."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = chart_body(None, {"code": code, "description": description})


def chart_body(result: list[Any] | None, error: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the envelope of every chart."""
    return {"chart": {"result": result, "error": error}}


def not_found() -> ChartError:
    """Say what Yahoo says of a symbol that it does not know, or no longer."""
    return ChartError(404, "Not Found", "No data found, symbol may be delisted")


def chart(symbol: Symbol, request: Request) -> dict[str, Any]:
    """Answer for the period or range that is asked for; raises `ChartError` when no bar lies in it."""
    interval = request.parameter("interval", "1d")
    if interval != "1d":
        raise ChartError(422, "Unprocessable Entity", f"The sandbox has daily bars only, not {interval}")
    start, end = _period(symbol, request)
    bars = list(symbol.between(start, end))
    if not bars:
        raise ChartError(400, "Bad Request", f"Data doesn't exist for startDate = {start}, endDate = {end}")
    result = {
        "meta": _meta(symbol, request.parameter("range")),
        "timestamp": [symbol.timestamp(bar.day) for bar in bars],
        "indicators": {
            "quote": [{name: [_number(value(bar)) for bar in bars] for name, value in _FIELDS.items()}],
            "adjclose": [{"adjclose": [_adjusted(bar) for bar in bars]}],
        },
    }
    events = _events(symbol, start, end, request.parameter("events"))
    return chart_body([result | ({"events": events} if events else {})], None)


def _period(symbol: Symbol, request: Request) -> tuple[int, int]:
    if "period1" in request.query:
        return int(request.parameter("period1")), int(request.parameter("period2"))
    # Ranges end at the last bar: recorded data has no today.
    last = symbol.bars[-1].day
    wanted = request.parameter("range", "1d")
    if wanted == "max":
        first = symbol.bars[0].day
    elif wanted == "ytd":
        first = last.replace(month=1, day=1)
    elif wanted in _RANGES:
        first = last - timedelta(days=_RANGES[wanted] - 1)
    else:
        raise ChartError(400, "Bad Request", f'Invalid input - range "{wanted}" is not valid')
    return symbol.timestamp(first), symbol.timestamp(last) + 1


def _meta(symbol: Symbol, wanted_range: str) -> dict[str, Any]:
    last = symbol.bars[-1]
    moment = datetime.fromtimestamp(symbol.timestamp(last.day), UTC).astimezone(symbol.zone)
    offset = int((moment.utcoffset() or timedelta()).total_seconds())
    return {
        "currency": symbol.currency,
        "symbol": symbol.symbol,
        "exchangeName": symbol.exchange,
        "fullExchangeName": symbol.exchange,
        "instrumentType": symbol.instrument_type,
        "firstTradeDate": _first_trade(symbol),
        "regularMarketTime": symbol.timestamp(last.day, symbol.closes_at),
        "hasPrePostMarketData": False,
        "gmtoffset": offset,
        "timezone": moment.tzname(),
        "exchangeTimezoneName": symbol.time_zone,
        "regularMarketPrice": _number(last.close),
        "priceHint": 2,
        "currentTradingPeriod": _trading_period(symbol, last.day, offset, moment.tzname()),
        "dataGranularity": "1d",
        "range": wanted_range,
        "validRanges": [*_RANGES, "ytd", "max"],
    }


def _first_trade(symbol: Symbol) -> int | None:
    return symbol.timestamp(symbol.first_trade_date) if symbol.first_trade_date else None


def _trading_period(symbol: Symbol, day: date, offset: int, zone: str | None) -> dict[str, Any]:
    start, end = symbol.timestamp(day), symbol.timestamp(day, symbol.closes_at)
    spans = {"pre": (start, start), "regular": (start, end), "post": (end, end)}
    return {
        name: {"timezone": zone, "start": first, "end": last, "gmtoffset": offset}
        for name, (first, last) in spans.items()
    }


def _events(symbol: Symbol, start: int, end: int, wanted: str) -> dict[str, Any]:
    events: dict[str, Any] = {}
    kinds = wanted.split(",")
    dividends = {symbol.timestamp(day): amount for day, amount in symbol.dividends.items()}
    splits = {symbol.timestamp(day): ratio for day, ratio in symbol.splits.items()}
    if "div" in kinds:
        events["dividends"] = {
            str(at): {"amount": amount, "date": at} for at, amount in dividends.items() if start <= at < end
        }
    if "split" in kinds or "splits" in kinds:
        events["splits"] = {
            str(at): {"date": at, "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
            for at, (new, old) in splits.items()
            if start <= at < end
        }
    return {name: found for name, found in events.items() if found}


def _adjusted(bar: Bar) -> float | None:
    return _number(bar.close if bar.adjusted_close is None else bar.adjusted_close)


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
