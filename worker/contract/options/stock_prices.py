"""What a load of stock prices may be told."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from worker.contract import options
from worker.contract.run_spec import LoadMode


def _written_as_yahoo_does(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


Ticker = Annotated[str, BeforeValidator(_written_as_yahoo_does), Field(pattern=r"^[A-Z0-9^][A-Z0-9.=&_^-]{0,31}$")]


class Options(options.Options):
    """Daily prices of a list of tickers, from Yahoo Finance."""

    title: ClassVar[str] = "Stock prices"
    modes: ClassVar[tuple[LoadMode, ...]] = (LoadMode.PARTITIONS,)
    has_range: ClassVar[bool] = True
    metadata_columns: ClassVar[bool] = False
    partition_by: ClassVar[str | None] = "trade_date"
    cluster_by: ClassVar[tuple[str, ...]] = ("symbol",)
    default_table: ClassVar[tuple[str, str] | None] = ("market_raw", "stock_prices")
    example: ClassVar[dict[str, Any]] = {
        "tickers": (  # noqa: SIM905 - fifty short words read better than fifty lines
            "AAPL MSFT NVDA AMZN GOOGL META AVGO TSLA BRK-B JPM LLY V UNH XOM MA COST HD PG WMT NFLX "
            "JNJ CRM BAC ORCL ABBV CVX KO MRK AMD PEP TMO LIN ADBE ACN MCD CSCO WFC ABT GE IBM "
            "TXN QCOM DHR CAT VZ DIS INTU PFE NKE GS"
        ).split(),
        "tickers_per_request": 10,
        "years_per_chunk": 2,
        "history_start": "2015-01-01",
    }

    tickers: Annotated[tuple[Ticker, ...], Field(min_length=1)]
    """Yahoo's symbols, such as `AAPL`, `BRK-B`, `^GSPC`, `SAP.DE`; in upper case, each once."""
    tickers_per_request: Annotated[int, Field(ge=1, le=50)] = 10
    """How many tickers are asked for at the same time."""
    years_per_chunk: Annotated[int, Field(ge=1, le=10)] = 2
    """Years that are read, held in memory and published at a time."""
    history_start: date = date(2000, 1, 1)
    """Where the first load starts."""
    look_back_sessions: Annotated[int, Field(ge=0, le=250)] = 5
    """How many sessions that are loaded already a daily load reads again, because volumes are revised."""
    calendar: str | None = None
    """An exchange-calendars name, such as `XNYS`, for every ticker; by default each has its own, by its symbol."""
    allow_missing: bool | tuple[Ticker, ...] = False
    """True, or those tickers, whose days may be missing though an exchange traded."""

    @field_validator("tickers")
    @classmethod
    def _each_once(cls, tickers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tickers))

    @model_validator(mode="after")
    def _missing_are_tickers(self) -> Self:
        strangers = set(self.allow_missing) - set(self.tickers) if isinstance(self.allow_missing, tuple) else ()
        if strangers:
            raise ValueError(f"allow_missing to name some of tickers, not {', '.join(sorted(strangers))}")
        return self

    def identity(self) -> dict[str, Any]:
        """Return the options that say which data this is: with another ticker every day must be loaded again."""
        return {"tickers": sorted(self.tickers), "history_start": self.history_start.isoformat()}
