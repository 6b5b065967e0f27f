"""Daily prices of a list of tickers: all tickers of a day together, so that replacing the day loses none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from worker.contract.options.stock_prices import Options
from worker.contract.run_folder import PlannedUnit
from worker.errors import ConfigurationError
from worker.market.completeness import missing_days, shortage, strangers
from worker.market.exchanges import calendar_name
from worker.market.ranges import Days

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from worker.contract.options import Options as AnyOptions
    from worker.market.calendar import Calendar
    from worker.market.yahoo import Answer, Yahoo
    from worker.source import Request


def open_source(options: AnyOptions, request: Request) -> StockPricesSource:
    """Open the source; nothing is asked before a unit is read."""
    if not isinstance(options, Options):
        raise TypeError(f"stock_prices: expected its own options, got {type(options)}")
    return StockPricesSource(options, request)


class StockPricesSource:
    """Prices from Yahoo. A unit is a range of days; its window has the first and the last of them."""

    def __init__(self, options: Options, request: Request) -> None:
        self._options = options
        self._request = request
        self._said: set[str] = set()

    def plan(self) -> Sequence[PlannedUnit]:
        days = self._days()
        chunks = days.chunks(self._options.years_per_chunk) if days else ()
        return [self._unit(chunk, sessions) for chunk in chunks if (sessions := self._sessions(chunk))]

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        days = Days(*(date.fromisoformat(unit.window[end]) for end in ("start", "end")))
        answers = self._ask(days)
        self._check(answers, days)
        from worker.market.table import prices

        yield from prices(answers, self._request.now, batch_size=self._request.batch_size)

    def _days(self) -> Days | None:
        """Return what is to be loaded, or None if no exchange traded since the last load."""
        over = min(calendar.over(self._request.now) for calendar in self._calendars.values())
        if self._is_backfill:
            return self._backfill(over)
        loaded = self._loaded()
        if loaded is None:
            return self._not_empty(Days(self._options.history_start, over), "source.history_start")
        if not self._sessions(Days(loaded + timedelta(days=1), over)):
            return None
        look_back = self._options.look_back_sessions
        return Days(min(calendar.back(loaded, look_back) for calendar in self._calendars.values()), over)

    def _backfill(self, over: date) -> Days:
        end = self._request.end_date or over
        if end > over:
            self._request.warn(f"days after {over} are not loaded: they are not over on every exchange")
        return self._not_empty(
            Days(self._request.start_date or self._options.history_start, min(end, over)), "start date"
        )

    def _not_empty(self, days: Days, what: str) -> Days:
        if days.start > days.end:
            raise ConfigurationError(f"{what}: expected a day up to {days.end}, got {days.start}; set an earlier one")
        return days

    def _loaded(self) -> date | None:
        """Return the last day that is loaded; None: nothing is, or this is a backfill, which does not go on from it."""
        cursor = self._request.cursor
        if cursor is None or self._is_backfill:
            return None
        try:
            return date.fromisoformat(cursor)
        except (TypeError, ValueError):
            raise ConfigurationError(f"cursor: expected a day such as 2024-01-31, got {cursor!r}; reset it") from None

    def _unit(self, days: Days, sessions: Sequence[date]) -> PlannedUnit:
        return PlannedUnit(
            key=f"{days.start}..{days.end}",
            cursor=None if self._is_backfill else sessions[-1].isoformat(),
            window={"start": days.start.isoformat(), "end": days.end.isoformat()},
        )

    def _ask(self, days: Days) -> list[Answer]:
        """Ask for all tickers, so many at a time."""
        for symbol in self._options.tickers:
            self._yahoo.expect(symbol, self._calendar(symbol).time_zone)
        with ThreadPoolExecutor(self._options.tickers_per_request) as threads:
            try:
                return list(threads.map(lambda symbol: self._yahoo.history(symbol, *days), self._options.tickers))
            except BaseException:
                self._yahoo.give_up()  # or the threads, which are waited for, go on with what nobody needs
                raise

    def _check(self, answers: Sequence[Answer], days: Days) -> None:
        """Refuse what is not complete, unless that is allowed; say what else there is to know.

        Raises:
            ConfigurationError, Unavailable: see `worker.market.completeness`.
        """
        unknown = [answer.symbol for answer in answers if answer.listing is None]
        if refused := [symbol for symbol in unknown if symbol not in self._may_miss]:
            raise strangers(refused, len(answers))
        missing = {answer.symbol: lacking for answer in answers if (lacking := self._missing(answer, days))}
        if short := {symbol: lacking for symbol, lacking in missing.items() if symbol not in self._may_miss}:
            raise shortage(short, today=self._today)
        for symbol in unknown:
            self._warn(f"{symbol}: no prices, since Yahoo does not know it; allow_missing lets it be")
        for symbol, lacking in missing.items():
            self._warn(f"{symbol}: no prices on {len(lacking)} days from {lacking[0]}; allow_missing lets that be")
        self._warn_of_the_ended(answers, days)
        self._warn_of_splits(answers)

    def _warn_of_the_ended(self, answers: Sequence[Answer], days: Days) -> None:
        listings = {answer.symbol: answer.listing for answer in answers if answer.listing}
        ended = {symbol: listing.last for symbol, listing in listings.items() if listing.has_ended(self._today)}
        told = [f"{symbol}: last traded on {last}" for symbol, last in ended.items() if last and last < days.end]
        if self._loaded() and len(told) == len(answers):
            raise ConfigurationError(
                f"source.tickers: expected some that are traded, got {', '.join(told)}; replace them, or pause this"
            )
        for text in told:
            self._warn(f"{text}; remove it if it was delisted")

    def _warn_of_splits(self, answers: Sequence[Answer]) -> None:
        """Yahoo restates all days before a split; those that were loaded before still have the old prices."""
        loaded = self._loaded()
        for answer in answers:
            for day, ratio in answer.splits:
                if loaded and day > loaded:
                    self._warn(
                        f"{answer.symbol}: split {ratio:g} to 1 on {day}, which restates all days before; backfill them"
                    )

    def _missing(self, answer: Answer, days: Days) -> list[date]:
        return missing_days(self._calendar(answer.symbol).sessions(*days), answer, today=self._today)

    def _warn(self, text: str) -> None:
        """Say a thing once, though it may hold for every chunk."""
        if text not in self._said:
            self._said.add(text)
            self._request.warn(text)

    @property
    def _is_backfill(self) -> bool:
        return bool(self._request.start_date or self._request.end_date)

    @cached_property
    def _may_miss(self) -> frozenset[str]:
        allowed = self._options.allow_missing
        return frozenset(self._options.tickers if allowed is True else allowed or ())

    @cached_property
    def _today(self) -> date:
        return self._request.now.date()

    def _sessions(self, days: Days) -> list[date]:
        """Return the days on which any of the exchanges trades."""
        return sorted({day for calendar in self._calendars.values() for day in calendar.sessions(*days)})

    def _calendar(self, symbol: str) -> Calendar:
        return self._calendars[self._options.calendar or calendar_name(symbol)]

    @cached_property
    def _calendars(self) -> dict[str, Calendar]:
        names = [self._options.calendar] if self._options.calendar else map(calendar_name, self._options.tickers)
        from worker.market.calendar import Calendar

        since = min(filter(None, [self._options.history_start, self._request.start_date]))
        return {name: Calendar(name, since) for name in dict.fromkeys(names)}

    @cached_property
    def _yahoo(self) -> Yahoo:
        from worker.market.yahoo import Yahoo

        return Yahoo(today=self._today)
