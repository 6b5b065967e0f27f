"""From the batches that ADBC delivers to those of the unit: decimals, and no value that is not what it was.

Infinity and NaN, which dates, timestamps and decimals of the destination cannot hold, become empty and are counted; so
does the time 24:00. A date or timestamp outside the years 1 to 9999 fails the load.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.postgres.projection import Projected

    Array = pa.Array[Any]

_DAY_IN_MICROSECONDS = 86_400_000_000
_FIRST_DAY = -719_162  # 0001-01-01
_LAST_DAY = 2_932_896  # 9999-12-31
_DAYS_PER_YEAR = 365.2425


@dataclass(frozen=True, slots=True)
class _Counted:
    """How a date or a timestamp counts from 1970.

    `infinite` is what is left of PostgreSQL's infinity and -infinity, the ends of int32 and int64, when the driver has
    counted them from 1970 in place of 2000 and wrapped around. No finite value that PostgreSQL can hold comes out so.
    """

    integer: pa.DataType
    per_day: int
    infinite: Array


_DAYS = _Counted(pa.int32(), 1, pa.array([-2_147_472_692, -2_147_472_691], pa.int32()))
_MICROSECONDS = _Counted(
    pa.int64(), _DAY_IN_MICROSECONDS, pa.array([-9_222_425_352_054_775_809, -9_222_425_352_054_775_808], pa.int64())
)
_NOT_DECIMALS = pa.array(["NaN", "Infinity", "-Infinity"])


class Delivery:
    """The batches of one unit."""

    def __init__(self, columns: Sequence[Projected], warn: Callable[[str], None]) -> None:
        """Take how the columns were asked for."""
        self._columns = columns
        self._warn = warn
        self._rows = 0
        self._emptied: Counter[tuple[str, str]] = Counter()

    def batches(self, delivered: Iterator[pa.RecordBatch], *, batch_size: int) -> Iterator[pa.RecordBatch]:
        """Yield all batches, of `batch_size` rows at the most; then warn of what was emptied.

        Raises:
            ConfigurationError: a value cannot be kept; names column, row and value.
        """
        for batch in delivered:
            finished = self._finished(batch)
            self._rows += batch.num_rows
            for start in range(0, max(finished.num_rows, 1), batch_size):
                yield finished.slice(start, batch_size)
        for (column, what), count in self._emptied.items():
            self._warn(f"column {column}: {what} in {count} rows is loaded as empty, since no table can hold it")

    def _finished(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self._kept(column, array) for column, array in zip(self._columns, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, [column.name for column in self._columns])

    def _kept(self, column: Projected, array: Array) -> Array:
        if column.arrow is not None:
            return self._decimal(column.name, array, column.arrow)
        if is_.is_date32(array.type):
            return self._within_years(column.name, array, _DAYS)
        if is_.is_timestamp(array.type):
            return self._within_years(column.name, array, _MICROSECONDS)
        if is_.is_time64(array.type):
            is_midnight = pc.equal(array.view(pa.int64()), pa.scalar(_DAY_IN_MICROSECONDS))
            return self._emptied_where(is_midnight, column.name, "24:00", array)
        return array

    def _decimal(self, name: str, texts: Array, wanted: pa.DataType) -> Array:
        try:
            return texts.cast(wanted)
        except pa.ArrowInvalid:
            finite = self._emptied_where(pc.is_in(texts, _NOT_DECIMALS), name, "NaN or infinity", texts)
        try:
            return finite.cast(wanted)
        except pa.ArrowInvalid:
            row = next(row for row in range(len(finite)) if not _fits(finite[row], wanted))
        raise ConfigurationError(
            f"column {name}, row {self._rows + row + 1}: expected a number that fits {wanted}, got {finite[row]}; "
            "load a query that casts it"
        )

    def _within_years(self, name: str, array: Array, counted: _Counted) -> Array:
        numbers = array.view(counted.integer)
        first, end = _FIRST_DAY * counted.per_day, (_LAST_DAY + 1) * counted.per_day
        span = pc.min_max(numbers)
        least, most = span["min"].as_py(), span["max"].as_py()
        if least is None or (least >= first and most < end):
            return array
        finite = self._emptied_where(pc.is_in(numbers, counted.infinite), name, "infinity", numbers)
        for row, number in enumerate(finite.to_pylist()):
            if number is not None and not first <= number < end:
                year = 1970 + number / counted.per_day / _DAYS_PER_YEAR
                raise ConfigurationError(
                    f"column {name}, row {self._rows + row + 1}: expected a year from 1 to 9999, got one near "
                    f"{year:.0f}; correct it, or load a query that replaces it"
                )
        return finite.view(array.type)

    def _emptied_where(self, mask: Array, name: str, what: str, array: Array) -> Array:
        if count := pc.sum(mask).as_py():
            self._emptied[name, what] += count
            nothing: Array = pa.nulls(len(array), array.type)
            array = pc.if_else(mask, nothing, array)
        return array


def _fits(text: pa.Scalar[Any], wanted: pa.DataType) -> bool:
    try:
        text.cast(wanted)
    except pa.ArrowInvalid:
        return False
    return True
