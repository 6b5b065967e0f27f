"""The column types that rows have between source and destination, named as BigQuery names them. Pure.

Sources may yield any Arrow type. `canonical` brings it, without loss, to the one Arrow type for each of BigQuery's:

    BOOL bool · INT64 int64 · FLOAT64 double · NUMERIC, BIGNUMERIC decimal128, decimal256 · STRING utf8 · BYTES binary
    DATE date32 · TIME time64[us] · DATETIME timestamp[us] · TIMESTAMP timestamp[us, UTC] · JSON arrow.json
    ARRAY list · STRUCT struct · unknown null (a column without a single value: it takes the type that the table has)

`widened` is the lattice by which a table's column may change its type; everything that is not in it is refused:

    INT64  -> NUMERIC, BIGNUMERIC   always without loss: 19 more digits before the point
    NUMERIC(p,s) -> NUMERIC(p',s')  always without loss: digits before the point and after it only grow
    INT64  -> FLOAT64               only if every value that is there survives it (whole numbers up to 2^53 do)

A decimal never becomes FLOAT64 and back, a DATE never a DATETIME, a DATETIME never a TIMESTAMP (which zone?), nothing a
STRING: each would change what a query on the table means.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as is_

from worker.contract.custom_schema import ColumnType

NUMERIC = pa.decimal128(38, 9)
BIGNUMERIC = pa.decimal256(76, 38)
JSON = pa.json_(pa.utf8())
TIMESTAMP = pa.timestamp("us", tz="UTC")
DATETIME = pa.timestamp("us")
TIME = pa.time64("us")

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.STRING: pa.utf8(),
    ColumnType.BYTES: pa.binary(),
    ColumnType.INT64: pa.int64(),
    ColumnType.FLOAT64: pa.float64(),
    ColumnType.NUMERIC: NUMERIC,
    ColumnType.BIGNUMERIC: BIGNUMERIC,
    ColumnType.BOOL: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIME: TIME,
    ColumnType.DATETIME: DATETIME,
    ColumnType.TIMESTAMP: TIMESTAMP,
    ColumnType.JSON: JSON,
}
"""What a column of a custom schema is in Arrow."""

_INT64_DIGITS = 19
_DECIMAL128_DIGITS = 38
_DECIMAL256_DIGITS = 76


def canonical(given: pa.DataType) -> pa.DataType | None:
    """Return the one Arrow type for what this type holds, or None if there is none (durations, intervals, unions)."""
    if isinstance(given, pa.BaseExtensionType):
        return _canonical_extension(given)
    if is_.is_dictionary(given):
        return canonical(given.value_type)
    if is_.is_nested(given):
        return _canonical_nested(given)
    return _canonical_number(given) or _canonical_time(given) or _canonical_text(given)


def _canonical_extension(given: pa.BaseExtensionType) -> pa.DataType | None:
    if given.extension_name == "arrow.json":
        return JSON
    if given.extension_name == "arrow.uuid":
        return pa.utf8()
    return canonical(given.storage_type)


def _canonical_number(given: pa.DataType) -> pa.DataType | None:
    if is_.is_boolean(given) or is_.is_null(given):
        return given
    if is_.is_uint64(given):
        return pa.decimal128(20, 0)
    if is_.is_integer(given):
        return pa.int64()
    if is_.is_floating(given):
        return pa.float64()
    return decimal(given.precision, given.scale) if is_.is_decimal(given) else None


def _canonical_time(given: pa.DataType) -> pa.DataType | None:
    if is_.is_timestamp(given):
        return TIMESTAMP if given.tz else DATETIME
    if is_.is_time(given):
        return TIME
    return pa.date32() if is_.is_date(given) else None


def _canonical_text(given: pa.DataType) -> pa.DataType | None:
    if is_.is_string(given) or is_.is_large_string(given) or is_.is_string_view(given):
        return pa.utf8()
    binary = (is_.is_binary, is_.is_large_binary, is_.is_binary_view, is_.is_fixed_size_binary)
    return pa.binary() if any(fits(given) for fits in binary) else None


def _canonical_nested(given: pa.DataType) -> pa.DataType | None:
    if is_.is_struct(given):
        fields = [field.with_type(t) for field in given.fields if (t := canonical(field.type)) is not None]
        return pa.struct(fields) if len(fields) == given.num_fields else None
    if is_.is_map(given):
        return canonical(pa.list_(pa.struct([given.key_field, given.item_field])))
    if is_.is_list(given) or is_.is_large_list(given) or is_.is_fixed_size_list(given):
        value = canonical(given.value_type)
        return None if value is None else pa.list_(given.value_field.with_type(value))
    return None


def decimal(precision: int, scale: int) -> pa.DataType:
    """Return the decimal type of this precision and scale, in 128 bits where they suffice.

    A negative scale, which Parquet does not have, becomes digits before the point.
    """
    if scale < 0:
        precision, scale = precision - scale, 0
    precision = max(precision, scale, 1)
    return pa.decimal128(precision, scale) if precision <= _DECIMAL128_DIGITS else pa.decimal256(precision, scale)


def is_number(given: pa.DataType) -> bool:
    """Tell whether values of this type may be kept in another number's type, where each of them survives it."""
    return is_.is_integer(given) or is_.is_floating(given) or is_.is_decimal(given)


def widened(have: pa.DataType, want: pa.DataType) -> pa.DataType | None:
    """Return the smallest type by the lattice that holds both canonical types, or None."""
    if have == want or is_.is_null(want):
        return have
    if is_.is_null(have):
        return want
    if is_.is_decimal(have) or is_.is_decimal(want):
        return _widened_decimal(have, want)
    if {have, want} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return None


def _widened_decimal(have: pa.DataType, want: pa.DataType) -> pa.DataType | None:
    digits = [_digits(t) for t in (have, want)]
    if None in digits:
        return None
    whole, scale = (max(column) for column in zip(*filter(None, digits), strict=True))
    return decimal(whole + scale, scale) if whole + scale <= _DECIMAL256_DIGITS else None


def _digits(given: pa.DataType) -> tuple[int, int] | None:
    """Digits before and after the point."""
    if is_.is_decimal(given):
        return given.precision - given.scale, given.scale
    return (_INT64_DIGITS, 0) if is_.is_integer(given) else None


def loses(have: pa.DataType, to: pa.DataType) -> bool:
    """Tell whether values may be lost from one number type to another, so that each must be looked at."""
    return not is_.is_null(have) and have != to and (is_.is_floating(to) or widened(to, have) != to)


_NAMES: dict[pa.DataType, str] = {arrow: name.value for name, arrow in ARROW_TYPES.items()} | {pa.null(): "unknown"}


def type_name(given: pa.DataType) -> str:
    """Name a type as BigQuery does, for a person: `INT64`, `NUMERIC(10, 2)`, `ARRAY<STRING>`."""
    if name := _NAMES.get(given):
        return name
    if is_.is_decimal(given):
        # BigQuery's rule: NUMERIC(P, S) has 0 <= S <= 9 and max(1, S) <= P <= S + 29.
        numeric = given.scale <= NUMERIC.scale and given.precision - given.scale <= NUMERIC.precision - NUMERIC.scale
        return f"{'NUMERIC' if numeric else 'BIGNUMERIC'}({given.precision}, {given.scale})"
    if is_.is_struct(given):
        return f"STRUCT<{', '.join(f'{field.name} {type_name(field.type)}' for field in given.fields)}>"
    if is_.is_list(given):
        return f"ARRAY<{type_name(given.value_type)}>"
    return str(given)
