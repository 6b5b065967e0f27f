"""From the batches that a source yields to those that are staged: legal names, canonical types, metadata. Pure.

Every value arrives as it left the source, or the load fails and names column, row and value.
Rows count from 1 in their unit.
A field's metadata `description` is what the column is called at the source (or what the custom schema says of it).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

from worker import types
from worker.contract.custom_schema import Mode
from worker.errors import ConfigurationError
from worker.names import column_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from worker.contract.custom_schema import Column

DESCRIPTION = b"description"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a column comes from and what it becomes."""

    index: int
    field: pa.Field[Any]


def conformed(
    batches: Iterable[pa.RecordBatch],
    *,
    custom_schema: Sequence[Column] | None = None,
    metadata: Mapping[str, str | datetime] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a unit as they are staged: legal names, canonical or custom types, metadata columns last.

    Raises:
        ConfigurationError: a column has no type here, is missing, or holds a value that does not fit.
        RuntimeError: the source broke its promise of one schema per unit.
    """
    given: pa.Schema | None = None
    places: list[_Place] = []
    rows = 0
    for batch in batches:
        if given is None:
            given = batch.schema
            places = _places(given, custom_schema, metadata or {})
        elif batch.schema != given:
            raise RuntimeError(f"batch at row {rows + 1}: expected the schema of the first batch, got {batch.schema}")
        yield _conformed(batch, places, metadata or {}, rows)
        rows += batch.num_rows


def without(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """Return the schema without the columns of these names, whatever their case."""
    gone = {name.casefold() for name in names}
    return pa.schema([field for field in schema if field.name.casefold() not in gone])


def description(field: pa.Field[Any]) -> str | None:
    """Return what a field says of itself."""
    found = (field.metadata or {}).get(DESCRIPTION)
    return found.decode() if found else None


def _places(schema: pa.Schema, custom: Sequence[Column] | None, metadata: Mapping[str, object]) -> list[_Place]:
    names = column_names(schema.names)
    places = _custom_places(names, custom) if custom else _given_places(names, schema)
    _refuse_taken({place.field.name.casefold() for place in places}, metadata)
    return places


def _given_places(names: Sequence[str], schema: pa.Schema) -> list[_Place]:
    return [_Place(index, _given_field(name, schema.field(index))) for index, name in enumerate(names)]


def _given_field(name: str, given: pa.Field[Any]) -> pa.Field[Any]:
    if (canonical := types.canonical(given.type)) is None:
        raise ConfigurationError(
            f"column {name}: expected a type that a table can hold, got {given.type}; cast it at the source"
        )
    told = description(given) or (given.name if given.name != name else None)
    return _field(name, canonical, nullable=given.nullable, told=told)


def _custom_places(names: Sequence[str], custom: Sequence[Column]) -> list[_Place]:
    found = {name.casefold(): index for index, name in enumerate(names)}
    missing = [column.name for column in custom if column.name.casefold() not in found]
    extra = sorted({name.casefold() for name in names} - {column.name.casefold() for column in custom})
    if missing or extra:
        raise ConfigurationError(
            f"custom_schema: expected exactly the source's columns, got {_differences(missing, extra)};"
            f" the source has {', '.join(names)}"
        )
    return [_Place(found[column.name.casefold()], _custom_field(column)) for column in custom]


def _differences(missing: Sequence[str], extra: Sequence[str]) -> str:
    parts = [f"{', '.join(missing)} which the source does not have"] if missing else []
    parts += [f"nothing for {', '.join(extra)}"] if extra else []
    return " and ".join(parts)


def _custom_field(column: Column) -> pa.Field[Any]:
    nullable = column.mode is not Mode.REQUIRED
    return _field(column.name, types.ARROW_TYPES[column.type], nullable=nullable, told=column.description)


def _field(name: str, arrow: pa.DataType, *, nullable: bool, told: str | None) -> pa.Field[Any]:
    return pa.field(name, arrow, nullable=nullable, metadata={DESCRIPTION: told.encode()} if told else None)


def _refuse_taken(names: set[str], metadata: Mapping[str, object]) -> None:
    for name in metadata:
        if name.casefold() in names:
            raise ConfigurationError(
                f"metadata_columns: expected a name that no column of the source has, got {name!r}; choose another"
            )


def _conformed(
    batch: pa.RecordBatch, places: Sequence[_Place], metadata: Mapping[str, str | datetime], rows_before: int
) -> pa.RecordBatch:
    arrays = [_cast(batch.column(place.index), place.field, rows_before) for place in places]
    fields = [place.field for place in places]
    for name, value in metadata.items():
        arrow = types.TIMESTAMP if isinstance(value, datetime) else pa.utf8()
        arrays.append(pa.array([value] * batch.num_rows, arrow))
        fields.append(pa.field(name, arrow))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _cast(array: pa.Array[Any], field: pa.Field[Any], rows_before: int) -> pa.Array[Any]:
    if not field.nullable and array.null_count:
        row = rows_before + pc.index(pc.is_null(array), True).as_py() + 1
        raise ConfigurationError(f"column {field.name}, row {row}: expected a value, got nothing; fill it in")
    array = _plain(array)
    if array.type == field.type:
        return array
    try:
        return _lossless(array, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Misfit):
        place = _first_misfit(array, field.type)
        raise ConfigurationError(
            f"column {field.name}, row {rows_before + place + 1}: expected {types.type_name(field.type)},"
            f" got {str(array[place].as_py())[:80]!r} ({types.type_name(array.type)});"
            " correct the value, or give the column another type"
        ) from None


class _Misfit(Exception):  # noqa: N818 - never seen outside
    """A value would arrive as another one."""


def _plain(array: pa.Array[Any]) -> pa.Array[Any]:
    """Take the array out of what only says how it is stored or what it means."""
    if isinstance(array.type, pa.UuidType):
        return pa.array([value and str(value) for value in array.to_pylist()], pa.utf8())
    if isinstance(array, pa.ExtensionArray) and array.type != types.JSON:
        return _plain(array.storage)
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


def _lossless(array: pa.Array[Any], to: pa.DataType) -> pa.Array[Any]:
    """Cast, or raise if any value would not be the same afterwards."""
    if array.null_count == len(array):
        return pa.array([None] * len(array), to)
    if not _sensible(array.type, to):
        raise _Misfit
    if to == types.JSON:
        return _as_json(array)
    if to == types.TIME and not is_.is_time(array.type):
        return _as_time(array)
    cast = pc.cast(array, to, safe=True)
    if _may_change(array.type, to) and not _same(array, cast):
        raise _Misfit
    return cast


def _may_change(have: pa.DataType, to: pa.DataType) -> bool:
    """Tell whether a safe cast, which raises at most losses, may still change a value."""
    if types.is_number(have) and types.is_number(to):
        return is_.is_floating(have) != is_.is_floating(to)
    return is_.is_timestamp(have) and is_.is_date(to)


def _sensible(have: pa.DataType, to: pa.DataType) -> bool:
    """Tell whether one type can mean the other: a number is no truth value, a DATETIME lacks a TIMESTAMP's zone."""
    have = types.canonical(have) or have
    if have == to or is_.is_null(have) or have == pa.utf8():
        return True
    if is_.is_nested(have) or is_.is_nested(to):
        return is_.is_nested(have) and is_.is_nested(to)
    if to == pa.utf8():
        return have != pa.binary()
    days = {pa.date32(), types.DATETIME}
    return (types.is_number(have) and types.is_number(to)) or {have, to} == days


def _as_json(array: pa.Array[Any]) -> pa.Array[Any]:
    text = pc.cast(array.storage if isinstance(array, pa.ExtensionArray) else array, pa.utf8())
    try:
        for value in [] if array.type == types.JSON else text.to_pylist():
            json.loads("null" if value is None else value)
    except ValueError:
        raise _Misfit from None
    return pa.ExtensionArray.from_storage(types.JSON, text)


def _as_time(array: pa.Array[Any]) -> pa.Array[Any]:
    """Read times of day as ISO 8601 writes them; Arrow has no cast for that."""
    try:
        read = [None if value is None else time.fromisoformat(value) for value in array.to_pylist()]
    except ValueError:
        raise _Misfit from None
    return pa.array(read, types.TIME)


def _same(before: pa.Array[Any], after: pa.Array[Any]) -> bool:
    try:
        back = pc.cast(after, before.type, safe=True)
    except pa.ArrowInvalid:
        return False
    return pc.all(pc.equal(back, before)).as_py() is not False


def _first_misfit(array: pa.Array[Any], to: pa.DataType) -> int:
    """Return the place of the first value that cannot be cast, by halving."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if not _fits(array.slice(low, middle - low), to) else (middle, high)
    return low


def _fits(array: pa.Array[Any], to: pa.DataType) -> bool:
    try:
        _lossless(array, to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Misfit):
        return False
    return True
