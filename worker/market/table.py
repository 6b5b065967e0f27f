"""The table of prices, exactly as its users know it: `market_raw.stock_prices`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pandas as pd

    from worker.market.yahoo import Answer

_FIELDS: list[pa.Field[Any]] = [
    pa.field("symbol", pa.utf8(), nullable=False),
    pa.field("trade_date", pa.date32(), nullable=False),
    pa.field("open", pa.float64()),
    pa.field("high", pa.float64()),
    pa.field("low", pa.float64()),
    pa.field("close", pa.float64()),
    pa.field("volume", pa.int64()),
    pa.field("load_timestamp", pa.timestamp("us", tz="UTC"), nullable=False),
]
SCHEMA = pa.schema(_FIELDS)
_COLUMNS = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}


def prices(answers: Sequence[Answer], loaded_at: datetime, *, batch_size: int) -> list[pa.RecordBatch]:
    """Return the rows of all tickers, by day and then by ticker; without rows, one batch of none.

    What Yahoo has no number for is empty.
    """
    tables = [_prices(answer.symbol, answer.bars, loaded_at) for answer in answers if answer.bars is not None]
    rows = pa.concat_tables([SCHEMA.empty_table(), *tables])
    in_order = rows.sort_by([("trade_date", "ascending"), ("symbol", "ascending")]).combine_chunks()
    return in_order.to_batches(batch_size) or [pa.RecordBatch.from_pylist([], schema=SCHEMA)]


def _prices(symbol: str, bars: pd.DataFrame, loaded_at: datetime) -> pa.Table:
    columns: dict[str, Any] = {
        "symbol": [symbol] * len(bars),
        "trade_date": bars.index.to_list(),
        **{name: bars[column].to_numpy() for name, column in _COLUMNS.items()},
        "load_timestamp": [loaded_at] * len(bars),
    }
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
