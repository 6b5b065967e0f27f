from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from sandbox.yahoo import Symbol
from tests.support.exchange import Market, bar, sessions, traded
from tests.worker.sources.conformance import NOW, SourceConformance, Subject, open_with
from worker.contract.options import OptionsError, options_class, parse_options
from worker.contract.run_spec import LoadMode
from worker.errors import ConfigurationError, Unavailable

START = date(2026, 2, 2)
FRIDAY = date(2026, 2, 27)
"""The last session that is over at `NOW`, a Monday before New York opens."""
MONDAY = date(2026, 3, 2)
FEBRUARY = sessions(START, FRIDAY)
TWO = {"tickers": ["AAPL", "MSFT"], "history_start": START.isoformat()}


@pytest.fixture(autouse=True)
def _two_stocks(market: Market) -> None:
    market.list_tickers(traded("AAPL", date(2020, 1, 2), FRIDAY), traded("MSFT", date(2020, 1, 2), FRIDAY))


class TestConformance(SourceConformance):
    @pytest.fixture
    def subject(self, market: Market) -> Subject:
        market.list_tickers(traded("OLD", date(2020, 1, 2), date(2020, 12, 31)))
        return Subject(
            kind="stock_prices",
            options=TWO,
            rows=2 * len(FEBRUARY),
            empty={**TWO, "tickers": ["OLD"]},
            refused={**TWO, "tickers": ["AAPL", "NOPE"]},
            refused_says="source.tickers: expected symbols that Yahoo knows, got NOPE; correct or remove",
            go_down=lambda: market.sandbox.faults.add(service="yahoo", status=503, times=None),
            request={"mode": LoadMode.PARTITIONS},
        )


def test_table_is_exactly_the_one_that_is_known(market: Market) -> None:
    source = market.open(TWO)
    [batch] = source.read(source.plan()[0])
    assert [(column.name, column.type, column.nullable) for column in batch.schema] == [
        ("symbol", pa.utf8(), False),
        ("trade_date", pa.date32(), False),
        ("open", pa.float64(), True),
        ("high", pa.float64(), True),
        ("low", pa.float64(), True),
        ("close", pa.float64(), True),
        ("volume", pa.int64(), True),
        ("load_timestamp", pa.timestamp("us", "UTC"), False),
    ]
    chosen = options_class("stock_prices")
    assert (chosen.default_table, chosen.partition_by, chosen.cluster_by) == (
        ("market_raw", "stock_prices"),
        "trade_date",
        ("symbol",),
    )
    assert not chosen.metadata_columns


def test_prices_are_raw_and_missing_numbers_are_empty(market: Market) -> None:
    bars = [bar(day) for day in FEBRUARY[:-1]]
    odd = bar(FEBRUARY[-1], open=None, close=187.2, adjusted_close=93.6, volume=12_345_678_901)
    market.list_tickers(Symbol("AAPL", [*bars, odd]))
    *_, last = market.rows({**TWO, "tickers": ["aapl"]})
    assert last == {
        "symbol": "AAPL",
        "trade_date": FRIDAY,
        "open": None,
        "high": odd.high,
        "low": odd.low,
        "close": 187.2,
        "volume": 12_345_678_901,
        "load_timestamp": NOW,
    }


def test_rows_are_in_order_of_days_with_all_tickers_of_a_day_together(market: Market) -> None:
    rows = market.rows({**TWO, "tickers": ["MSFT", "AAPL"], "tickers_per_request": 1})
    assert [(row["trade_date"], row["symbol"]) for row in rows] == [
        (day, symbol) for day in FEBRUARY for symbol in ("AAPL", "MSFT")
    ]


def test_history_is_cut_into_chunks_that_hold_all_tickers(market: Market) -> None:
    options = {**TWO, "history_start": "2023-01-01"}
    units = market.plan(options)
    assert [(unit.key, unit.cursor) for unit in units] == [
        ("2023-01-01..2024-12-31", "2024-12-31"),
        ("2025-01-01..2026-03-01", "2026-02-27"),
    ]
    source = open_with("stock_prices", options, mode=LoadMode.PARTITIONS)
    assert {symbol for batch in source.read(units[0]) for symbol in batch.column("symbol").to_pylist()} == {
        "AAPL",
        "MSFT",
    }


def test_yahoo_is_asked_once_for_each_ticker_and_chunk(market: Market) -> None:
    market.rows({**TWO, "history_start": "2023-01-01", "tickers_per_request": 1})
    assert market.charts() == ["AAPL", "MSFT", "AAPL", "MSFT"]


class TestDailyLoad:
    def test_reads_what_is_new_and_the_sessions_before_it(self, market: Market) -> None:
        [unit] = market.plan(TWO, cursor="2026-02-25")
        assert unit.cursor == FRIDAY.isoformat()
        assert market.days(TWO, cursor="2026-02-25")["AAPL"] == sessions(date(2026, 2, 19), FRIDAY)

    def test_reads_revised_volumes_again(self, market: Market) -> None:
        revised = [bar(day, volume=1) for day in FEBRUARY]
        market.list_tickers(Symbol("AAPL", revised), Symbol("MSFT", revised))
        assert {row["volume"] for row in market.rows(TWO, cursor="2026-02-26")} == {1}

    def test_look_back_may_be_nothing(self, market: Market) -> None:
        assert market.days({**TWO, "look_back_sessions": 0}, cursor="2026-02-25")["AAPL"] == FEBRUARY[-2:]

    @pytest.mark.parametrize("cursor", ["2026-02-27", "2026-03-01"])
    def test_has_no_units_when_no_exchange_traded_since(self, market: Market, cursor: str) -> None:
        assert market.plan(TWO, cursor=cursor) == []
        assert market.charts() == []

    @pytest.mark.parametrize("cursor", ["yesterday", 5, {"day": "2026-02-25"}])
    def test_refuses_another_kinds_cursor(self, market: Market, cursor: object) -> None:
        with pytest.raises(ConfigurationError, match=r"cursor: expected a day such as .*; reset it"):
            market.plan(TWO, cursor=cursor)

    @pytest.mark.parametrize(
        ("now", "last"),
        [
            (datetime(2026, 3, 2, 20, 30, tzinfo=UTC), FRIDAY),
            (datetime(2026, 3, 2, 21, 30, tzinfo=UTC), MONDAY),
        ],
        ids=["in session", "closed"],
    )
    def test_leaves_the_live_bar_alone(self, market: Market, now: datetime, last: date) -> None:
        market.list_tickers(*(traded(symbol, START, MONDAY) for symbol in TWO["tickers"]))
        assert market.days(TWO, now=now, cursor="2026-02-26")["MSFT"][-1] == last

    def test_says_that_a_split_restated_what_was_loaded_before(self, market: Market) -> None:
        split = {date(2026, 2, 20): (2, 1), date(2026, 2, 26): (4, 1)}
        market.list_tickers(traded("AAPL", date(2020, 1, 2), FRIDAY, splits=split))
        market.rows(TWO, cursor="2026-02-25")
        assert market.warnings == ["AAPL: split 4 to 1 on 2026-02-26, which restates all days before; backfill them"]


class TestBackfill:
    def test_takes_both_ends(self, market: Market) -> None:
        days = market.days(TWO, start_date=date(2026, 2, 10), end_date=date(2026, 2, 12))
        assert days["AAPL"] == [date(2026, 2, 10), date(2026, 2, 11), date(2026, 2, 12)]

    def test_moves_no_cursor(self, market: Market) -> None:
        units = market.plan(TWO, start_date=date(2022, 2, 10), end_date=date(2026, 2, 12), cursor="2026-02-25")
        assert [unit.cursor for unit in units] == [None, None, None]

    def test_ends_where_days_are_over_and_says_so(self, market: Market) -> None:
        assert market.days(TWO, start_date=date(2026, 2, 26), end_date=date(2026, 3, 9))["AAPL"] == FEBRUARY[-2:]
        assert market.warnings == ["days after 2026-03-01 are not loaded: they are not over on every exchange"]

    def test_of_days_when_a_delisted_ticker_was_traded_says_nothing(self, market: Market) -> None:
        market.list_tickers(traded("OLD", date(2020, 1, 2), date(2020, 12, 31)))
        options = {**TWO, "tickers": ["OLD"]}
        days = market.days(options, start_date=date(2020, 12, 1), end_date=date(2020, 12, 31), cursor="2026-02-25")
        assert days["OLD"] == sessions(date(2020, 12, 1), date(2020, 12, 31))
        assert market.warnings == []

    def test_without_sessions_has_no_units(self, market: Market) -> None:
        assert market.plan(TWO, start_date=date(2026, 2, 14), end_date=date(2026, 2, 16)) == []

    def test_of_the_future_is_refused(self, market: Market) -> None:
        with pytest.raises(ConfigurationError, match="start date: expected a day up to 2026-03-01, got 2026-04-01"):
            market.plan(TWO, start_date=date(2026, 4, 1))


class TestMissingDays:
    def test_holidays_are_not_missed(self, market: Market) -> None:
        assert date(2026, 2, 16) not in market.days(TWO)["AAPL"]
        assert market.warnings == []

    def test_days_before_listing_are_not_missed(self, market: Market) -> None:
        market.list_tickers(traded("NEW", date(2026, 2, 20), FRIDAY))
        days = market.days({**TWO, "tickers": ["AAPL", "NEW"], "history_start": "2022-01-03"})
        assert days["NEW"] == sessions(date(2026, 2, 20), FRIDAY)
        assert market.charts().count("NEW") == 4, "once for each chunk, and once to learn since when it is listed"

    def test_delisted_ticker_is_loaded_to_its_end_and_told_of(self, market: Market) -> None:
        market.list_tickers(traded("OLD", date(2020, 1, 2), date(2026, 2, 12)))
        days = market.days({**TWO, "tickers": ["AAPL", "OLD"]})
        assert days["OLD"] == sessions(START, date(2026, 2, 12))
        assert market.warnings == ["OLD: last traded on 2026-02-12; remove it if it was delisted"]

    def test_daily_load_of_delisted_tickers_alone_is_refused(self, market: Market) -> None:
        market.list_tickers(traded("OLD", date(2020, 1, 2), date(2026, 2, 12)))
        with pytest.raises(
            ConfigurationError, match="expected some that are traded, got OLD: last traded on 2026-02-12"
        ):
            market.rows({**TWO, "tickers": ["OLD"]}, cursor="2026-02-25")

    @pytest.mark.parametrize("null", [False, True], ids=["no bar", "an empty bar"])
    def test_hole_is_refused_and_named(self, market: Market, *, null: bool) -> None:
        hole = date(2026, 2, 10)
        kept = traded("AAPL", START, FRIDAY, without=[hole])
        empty = [bar(hole, open=None, high=None, low=None, close=None, volume=None)] if null else []
        market.list_tickers(Symbol("AAPL", [*kept.bars, *empty], dividends={hole: 0.24}))
        with pytest.raises(ConfigurationError, match=r"got none of AAPL on 2026-02-10; .* source.allow_missing"):
            market.rows(TWO)

    @pytest.mark.parametrize("allowed", [True, ["aapl"]])
    def test_hole_that_is_allowed_is_told_of(self, market: Market, allowed: object) -> None:
        market.list_tickers(traded("AAPL", START, FRIDAY, without=[date(2026, 2, 10)]))
        days = market.days({**TWO, "allow_missing": allowed})
        assert (len(days["AAPL"]), len(days["MSFT"])) == (len(FEBRUARY) - 1, len(FEBRUARY))
        assert market.warnings == ["AAPL: no prices on 1 days from 2026-02-10; allow_missing lets that be"]

    def test_hole_of_another_ticker_is_not_allowed(self, market: Market) -> None:
        market.list_tickers(traded("AAPL", START, FRIDAY, without=[date(2026, 2, 10)]))
        with pytest.raises(ConfigurationError, match="AAPL on 2026-02-10"):
            market.rows({**TWO, "allow_missing": ["MSFT"]})

    def test_last_days_that_are_not_there_yet_are_tried_again(self, market: Market) -> None:
        market.list_tickers(traded("AAPL", START, date(2026, 2, 26)))
        with pytest.raises(Unavailable, match="AAPL on 2026-02-27; try again later: Yahoo may be late"):
            market.rows(TWO)

    def test_unknown_ticker_that_is_allowed_is_told_of(self, market: Market) -> None:
        days = market.days({**TWO, "tickers": ["AAPL", "GONE"], "allow_missing": ["GONE"]})
        assert list(days) == ["AAPL"]
        assert market.warnings == ["GONE: no prices, since Yahoo does not know it; allow_missing lets it be"]

    def test_all_tickers_unknown_at_once_is_not_believed(self, market: Market) -> None:
        with pytest.raises(Unavailable, match="'no such symbol' for all 2; try again later"):
            market.rows({**TWO, "tickers": ["GONE", "NOPE"]})


class TestExchanges:
    def test_each_ticker_follows_its_own(self, market: Market) -> None:
        presidents_day = date(2026, 2, 16)
        market.list_tickers(traded("SAP.DE", START, FRIDAY, calendar="XETR", time_zone="Europe/Berlin", exchange="GER"))
        days = market.days({**TWO, "tickers": ["AAPL", "SAP.DE"]})
        assert presidents_day in days["SAP.DE"]
        assert presidents_day not in days["AAPL"]

    def test_day_is_over_when_it_is_over_on_all_of_them(self, market: Market) -> None:
        now = datetime(2026, 3, 2, 19, tzinfo=UTC)  # Frankfurt has closed, New York has not
        berlin = {**TWO, "tickers": ["SAP.DE"]}
        both = {**TWO, "tickers": ["SAP.DE", "AAPL"]}
        assert [market.plan(options, now=now)[0].cursor for options in (berlin, both)] == ["2026-03-02", "2026-02-27"]

    def test_calendar_may_be_named(self, market: Market) -> None:
        market.list_tickers(traded("BTC-USD", START, date(2026, 3, 1), calendar="24/7", time_zone="UTC"))
        days = market.days({**TWO, "tickers": ["BTC-USD"], "calendar": "24/7"})
        assert date(2026, 2, 28) in days["BTC-USD"]


class TestOptions:
    def test_tickers_are_upper_case_and_once_in_their_order(self) -> None:
        options = parse_options("stock_prices", {"tickers": [" msft", "AAPL", "MSFT "]})
        assert options.model_dump()["tickers"] == ("MSFT", "AAPL")

    def test_example_has_fifty_tickers(self) -> None:
        assert len(parse_options("stock_prices", options_class("stock_prices").example).model_dump()["tickers"]) == 50

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"tickers": []}, "source.tickers: expected"),
            ({"tickers": ["AAPL MSFT"]}, "source.tickers.0: expected"),
            ({"tickers": ["AAPL"], "years_per_chunk": 11}, "source.years_per_chunk: expected"),
            ({"tickers": ["AAPL"], "tickers_per_request": 0}, "source.tickers_per_request: expected"),
            (
                {"tickers": ["AAPL"], "allow_missing": ["MSFT"]},
                "expected allow_missing to name some of tickers, not MSFT",
            ),
        ],
    )
    def test_faults_are_named(self, options: dict[str, Any], says: str) -> None:
        with pytest.raises(OptionsError, match=says):
            parse_options("stock_prices", options)

    def test_other_tickers_are_other_data(self) -> None:
        def identity(**options: object) -> dict[str, Any]:
            return parse_options("stock_prices", {"tickers": ["A", "B"], **options}).identity()

        assert identity(tickers=["B", "A"], tickers_per_request=1) == identity()
        assert identity(tickers=["A", "B", "C"]) != identity() != identity(history_start="1999-01-01")
