"""A symbol with its daily bars, as a test or a data file describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Bar:
    """One trading day; None where Yahoo has a hole. Without an adjusted close, the close is it."""

    day: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int | None
    adjusted_close: float | None = None


@dataclass
class Symbol:
    """What Yahoo knows of a symbol; days without a bar are holidays.

    `delisted` answers as Yahoo does when it has dropped a symbol: with no data at all.
    `splits` are new shares per old ones, such as `(4, 1)`; `dividends` are amounts per share.
    """

    symbol: str
    bars: Sequence[Bar] = ()
    time_zone: str = "America/New_York"
    exchange: str = "NMS"
    opens_at: time = time(9, 30)
    closes_at: time = time(16)
    currency: str = "USD"
    instrument_type: str = "EQUITY"
    first_trade_date: date | None = None
    delisted: bool = False
    splits: Mapping[date, tuple[int, int]] = field(default_factory=dict)
    dividends: Mapping[date, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bars = sorted(self.bars, key=lambda bar: bar.day)
        self.zone = ZoneInfo(self.time_zone)
        if self.first_trade_date is None and self.bars:
            self.first_trade_date = self.bars[0].day

    def timestamp(self, day: date, at: time | None = None) -> int:
        """Return the second at which the exchange opens that day, or another time of it."""
        return int(datetime.combine(day, at or self.opens_at, self.zone).timestamp())

    def between(self, start: int, end: int) -> Iterator[Bar]:
        """Yield the bars that open within [start, end), in seconds since 1970."""
        return (bar for bar in self.bars if start <= self.timestamp(bar.day) < end)
