"""What each column of a table becomes: detected from all its cells and the destination's table, or as a schema says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from worker.contract.custom_schema import Column, ColumnType, Mode
from worker.errors import ConfigurationError
from worker.names import column_names
from worker.sheets.arrays import ArrowTarget, MisfitAt, arrow_target, convert
from worker.sheets.cells import Kind, shown
from worker.sheets.columns import always_fits, infer
from worker.sheets.headers import column_letters
from worker.sheets.table import SheetTable, errors_among
from worker.sheets.values import Target
from worker.types import ARROW_TYPES, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import tzinfo

    from worker.sheets.table import NamedColumn

_SLICE = 10_000


@dataclass(frozen=True, slots=True)
class Planned:
    """A column of the table and what it becomes."""

    column: NamedColumn
    field: pa.Field[Any]
    to: ArrowTarget


class Conversion:
    """A table with the types of its columns decided."""

    def __init__(self, table: SheetTable, columns: Sequence[Planned]) -> None:
        """Keep what is to be converted."""
        self._table = table
        self._columns = columns
        self.schema = pa.schema([planned.field for planned in columns])

    def batches(self, batch_size: int) -> Iterator[pa.RecordBatch]:
        """Yield all rows; one batch without rows, if there are none.

        Raises:
            ConfigurationError: a cell does not fit its column; names column, cell and value.
        """
        rows = len(self._table.staged)
        for start in range(0, max(rows, 1), batch_size):
            stop = min(start + batch_size, rows)
            arrays = [self._array(planned, start, stop) for planned in self._columns]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, planned: Planned, start: int, stop: int) -> pa.Array[Any]:
        try:
            return convert(planned.column.cells, start, stop, planned.to)
        except MisfitAt as misfit:
            raise _does_not_fit(self._table, planned, misfit) from None


def detect(table: SheetTable, existing: pa.Schema | None, zone: tzinfo, warn: Callable[[str], None]) -> Conversion:
    """Decide by all cells of a column, keeping the type that the table has where every value fits it."""
    columns = table.columns()
    names = column_names([column.name for column in columns])
    have = {field.name.casefold(): field.type for field in existing or ()}
    planned = []
    for name, column in zip(names, columns, strict=True):
        to = _detected(table, column, have.get(name.casefold()), zone, warn)
        planned.append(Planned(column, pa.field(column.name, to.arrow_type), to))
    return Conversion(table, planned)


def prescribe(table: SheetTable, custom: Sequence[Column], zone: tzinfo) -> Conversion:
    """Take the columns exactly as the schema has them.

    Raises:
        ConfigurationError: a column is missing, or there is one that the schema does not have.
    """
    columns = table.columns()
    names = column_names([column.name for column in columns])
    found = {name.casefold(): column for name, column in zip(names, columns, strict=True)}
    _refuse_differences(found, custom)
    return Conversion(table, [_prescribed(found[column.name.casefold()], column, zone) for column in custom])


def empty(custom: Sequence[Column] | None, existing: pa.Schema | None) -> pa.RecordBatch | None:
    """Return no rows of the columns that are known for a tab without any, or None if none are."""
    schema = pa.schema([_field(column) for column in custom]) if custom else existing
    return pa.RecordBatch.from_pylist([], schema=schema) if schema else None


def tell_errors(table: SheetTable, warn: Callable[[str], None]) -> None:
    """Say which cells hold an error instead of a value, since they are loaded as NULL."""
    for column in table.columns():
        places: dict[str, list[int]] = {}
        for index, text in errors_among(column.cells):
            places.setdefault(text, []).append(index)
        if places:
            counted = (f"{text} in {len(at)} (first {table.address(column, at[0])})" for text, at in places.items())
            warn(f"column {column.name}: expected values, got errors: {', '.join(counted)}; they are loaded as NULL")


def tell_doubled_headers(table: SheetTable, warn: Callable[[str], None]) -> None:
    """Say which columns got another name than the sheet shows, since another column has that one."""
    renamed = [column for column in table.columns() if column.header and column.name != column.header]
    if renamed:
        told = ", ".join(f"{column.header!r} in {column_letters(column.index)} is {column.name}" for column in renamed)
        warn(f"header: expected each name once, got some again: {told}; rename them, or set header_row or header_rows")


def _detected(
    table: SheetTable, column: NamedColumn, have: pa.DataType | None, zone: tzinfo, warn: Callable[[str], None]
) -> ArrowTarget:
    kinds = column.cells.kinds_present()
    prior = arrow_target(have, zone) if have is not None else None
    if prior and always_fits(kinds, prior.target.column_type):
        return prior
    misfit = _first_misfit(column, prior) if prior else None
    if prior and misfit is None:
        return prior
    found = _plain(infer(kinds) or ColumnType.STRING, zone)
    if prior and misfit:
        got, at = shown(column.cells.cell(misfit.index)), table.address(column, misfit.index)
        warn(
            f"column {column.name}: expected {type_name(prior.arrow_type)} as in the table, got {got!r} in {at};"
            f" it is read as {found.target.column_type}"
        )
    return found


def _first_misfit(column: NamedColumn, to: ArrowTarget) -> MisfitAt | None:
    length = len(column.cells.kinds)
    for start in range(0, length, _SLICE):
        try:
            convert(column.cells, start, min(start + _SLICE, length), to)
        except MisfitAt as misfit:
            return misfit
    return None


def _prescribed(column: NamedColumn, said: Column, zone: tzinfo) -> Planned:
    field = _field(said)
    to = arrow_target(field.type, zone) or _plain(said.type, zone)
    return Planned(column, field, ArrowTarget(to.target, to.arrow_type, required=not field.nullable))


def _plain(column_type: ColumnType, zone: tzinfo) -> ArrowTarget:
    return ArrowTarget(Target(column_type, zone), ARROW_TYPES[column_type])


def _field(column: Column) -> pa.Field[Any]:
    return pa.field(column.name, ARROW_TYPES[column.type], nullable=column.mode is not Mode.REQUIRED)


def _refuse_differences(found: dict[str, NamedColumn], custom: Sequence[Column]) -> None:
    wanted = {column.name.casefold() for column in custom}
    missing = [column.name for column in custom if column.name.casefold() not in found]
    extra = [
        f"{column.name!r} in column {column_letters(column.index)}"
        for name, column in found.items()
        if name not in wanted
    ]
    if not missing and not extra:
        return
    parts = [f"no {', '.join(missing)}"] if missing else []
    parts += [f"beyond it {', '.join(extra)}"] if extra else []
    raise ConfigurationError(
        f"custom_schema: expected exactly its columns in the sheet's header, got {' and '.join(parts)};"
        " correct the header or the schema"
    )


def _does_not_fit(table: SheetTable, planned: Planned, misfit: MisfitAt) -> ConfigurationError:
    cell = planned.column.cells.cell(misfit.index)
    got = "nothing" if cell[0] is Kind.EMPTY else repr(shown(cell)[:80])
    why = f" ({misfit.reason})" if misfit.reason else ""
    row, at = table.staged.rows[misfit.index] + 1, table.address(planned.column, misfit.index)
    return ConfigurationError(
        f"column {planned.field.name}, row {row} (cell {at}): expected {type_name(planned.field.type)}, got {got}{why};"
        " correct the cell, or the column in custom_schema"
    )
