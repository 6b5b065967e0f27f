"""Staged cells as Arrow arrays of a given type: at once where their kind is the type's own, one by one where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

from worker.contract.custom_schema import ColumnType
from worker.sheets.cells import Cell, Kind
from worker.sheets.columns import NO_VALUE
from worker.sheets.values import Misfit, Target, read_value
from worker.types import ARROW_TYPES, TIME, canonical

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from datetime import tzinfo

    from worker.sheets.staging import StagedColumn

    Array = pa.Array[Any]

_TEXT = frozenset({Kind.TEXT})
_WITH_TEXT = frozenset({Kind.TEXT, Kind.ERROR})


@dataclass(frozen=True, slots=True)
class ArrowTarget:
    """What a column becomes; `required` if an empty cell does not fit."""

    target: Target
    arrow_type: pa.DataType
    required: bool = False


class MisfitAt(Exception):  # noqa: N818 - it names the fault
    """The cell at `index` of the staged rows does not fit; `reason` says more, or is empty."""

    def __init__(self, index: int, reason: str) -> None:
        """Say which cell of the column."""
        super().__init__(index, reason)
        self.index = index
        self.reason = reason


def arrow_target(arrow_type: pa.DataType, zone: tzinfo) -> ArrowTarget | None:
    """Return the target for a column that has this type already, or None if no cell can be that (lists, structs)."""
    plain = canonical(arrow_type)
    if plain is None:
        return None
    if is_.is_decimal(plain):
        decimal = ColumnType.NUMERIC if is_.is_decimal128(plain) else ColumnType.BIGNUMERIC
        return ArrowTarget(Target(decimal, zone, plain.precision, plain.scale), plain)
    known = next((name for name, arrow in ARROW_TYPES.items() if arrow == plain), None)
    return ArrowTarget(Target(known, zone), plain) if known else None


def convert(column: StagedColumn, start: int, stop: int, to: ArrowTarget) -> Array:
    """Return the cells from `start` to `stop` as an array of the target's type.

    Raises:
        MisfitAt: a cell does not fit.
    """
    kinds = bytes(memoryview(column.kinds)[start:stop])
    present = {Kind(kind) for kind in set(kinds)}
    if to.required and (missing := present & NO_VALUE):
        raise MisfitAt(start + min(map(kinds.index, missing)), "")
    own = _OWN.get(to.target.column_type, frozenset()) & present
    array = _own(column, start, kinds, to) if own else _nulls(len(kinds), to.arrow_type)
    foreign = present - own - NO_VALUE
    return _with_foreign(array, column, start, kinds, foreign, to.target) if foreign else array


def _own(column: StagedColumn, start: int, kinds: bytes, to: ArrowTarget) -> Array:
    """Convert all cells of the type's own kinds; the others are null."""
    if to.target.column_type is ColumnType.STRING:
        return _texts(column, start, kinds)
    quickly = _QUICKLY[to.target.column_type]
    return quickly(_numbers(column, start, kinds, _OWN[to.target.column_type]))


def _with_foreign(
    array: Array, column: StagedColumn, start: int, kinds: bytes, foreign: set[Kind], target: Target
) -> Array:
    cells = enumerate(column.cells(start, start + len(kinds)), start)
    values = [_read(cell, index, target) for index, cell in cells if cell[0] in foreign]
    if isinstance(array, pa.ExtensionArray):
        storage = array.storage
        placed = _placed(pa.array(values, storage.type), _mask(kinds, foreign), storage)
        return pa.ExtensionArray.from_storage(array.type, placed)
    return _placed(pa.array(values, array.type), _mask(kinds, foreign), array)


def _read(cell: Cell, index: int, target: Target) -> Any:  # noqa: ANN401 - what the type says
    try:
        return read_value(cell, target)
    except Misfit as misfit:
        raise MisfitAt(index, str(misfit)) from None


def _texts(column: StagedColumn, start: int, kinds: bytes) -> Array:
    texts = column.texts(start, start + len(kinds)).combine_chunks()
    placed = _placed(texts, _mask(kinds, _WITH_TEXT), _nulls(len(kinds), texts.type))
    return _where(_mask(kinds, _TEXT), placed).cast(pa.utf8())


def _numbers(column: StagedColumn, start: int, kinds: bytes, own: frozenset[Kind]) -> Array:
    values = pa.py_buffer(memoryview(column.numbers)[start : start + len(kinds)])
    return _where(_mask(kinds, own), pa.Array.from_buffers(pa.float64(), len(kinds), [None, values]))


def _mask(kinds: bytes, wanted: AbstractSet[int]) -> Array:
    zeros_and_ones = kinds.translate(bytes(kind in wanted for kind in range(256)))
    return pa.Array.from_buffers(pa.uint8(), len(kinds), [None, pa.py_buffer(zeros_and_ones)]).cast(pa.bool_())


def _where(mask: Array, array: Array) -> Array:
    """Keep the values where the mask is true, and null the others."""
    kept: Array = pc.if_else(mask, array, _nulls(len(mask), array.type))
    return kept


def _placed(values: Array, mask: Array, rest: Array) -> Array:
    """Put the values, in their order, where the mask is true."""
    placed: Array = pc.replace_with_mask(rest, mask, values)
    return placed


def _nulls(length: int, arrow_type: pa.DataType) -> Array:
    nulls: Array = pa.nulls(length, arrow_type)  # type: ignore[call-overload]
    return nulls


_OWN: dict[ColumnType, frozenset[Kind]] = {
    ColumnType.STRING: _TEXT,
    ColumnType.BOOL: frozenset({Kind.BOOL}),
    ColumnType.INT64: frozenset({Kind.INTEGER}),
    ColumnType.FLOAT64: frozenset({Kind.INTEGER, Kind.NUMBER, Kind.DURATION}),
    ColumnType.DATE: frozenset({Kind.DATE}),
    ColumnType.DATETIME: frozenset({Kind.DATETIME}),
    ColumnType.TIME: frozenset({Kind.TIME}),
}
_QUICKLY: dict[ColumnType, Callable[[Array], Array]] = {
    ColumnType.BOOL: lambda truths: truths.cast(pa.bool_()),
    ColumnType.INT64: lambda numbers: numbers.cast(pa.int64()),
    ColumnType.FLOAT64: lambda numbers: numbers,
    ColumnType.DATE: lambda days: days.cast(pa.int32()).cast(pa.date32()),
    ColumnType.DATETIME: lambda millis: millis.cast(pa.int64()).cast(pa.timestamp("ms")).cast(pa.timestamp("us")),
    ColumnType.TIME: lambda millis: millis.cast(pa.int32()).cast(pa.time32("ms")).cast(TIME),
}
