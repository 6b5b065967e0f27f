"""Where rows go. `destinations/<scheme>.py` has `open_destination`; `DESTINATION_URL`'s scheme names it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from worker.contract.run_folder import Part
    from worker.contract.run_spec import LoadMode
    from worker.settings import Settings

SCHEMES = ("duckdb",)


@dataclass(frozen=True, slots=True)
class Target:
    """The table to load into, and what it must look like if it is to be made."""

    project: str
    dataset: str
    table: str
    merge_key: tuple[str, ...] = ()
    partition_by: str | None = None
    """A date or timestamp column; also what `partitions` replaces by, as days in UTC."""
    cluster_by: tuple[str, ...] = ()
    exact: bool = False
    """A custom schema: the table's columns must be exactly the unit's, and none is added or widened."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands."""

    schema: pa.Schema
    """The types that reading it would give; a column that cannot be empty is a non-nullable field."""
    rows: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The destination's proof that a unit is published."""

    key: str
    rows: int
    schema_changes: tuple[str, ...] = ()
    """For a person: `column a added as INT64`, `column b widened from INT64 to FLOAT64`."""


class Destination(Protocol):
    """A place that publishes units, each exactly once."""

    def describe(self, target: Target) -> Table | None:
        """Return the table as it stands, or None if there is none."""
        ...

    def published(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """Return the receipts of those keys that are published; what is in flight is waited for."""
        ...

    def publish(self, target: Target, key: str, parts: Sequence[Part], mode: LoadMode) -> Receipt:
        """Publish exactly these parts under this key, atomically; a key that is published already is only acknowledged.

        The parts have one schema, of `worker.types`' canonical types; a field's metadata `description` is that of a
        column that is made.

        Raises:
            ConfigurationError: the rows do not fit the table without loss (names column, row, value).
            Unavailable: the destination could not be reached, or is held by another process (names it).
        """
        ...


def open_destination(url: str, settings: Settings) -> Destination:
    """Open the destination of a URL, connecting to nothing.

    Raises:
        ConfigurationError: no destination has this scheme, or the URL is malformed.
    """
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        message = f"DESTINATION_URL: expected one of {', '.join(f'{s}://' for s in SCHEMES)}, got {url!r}; correct it"
        raise ConfigurationError(message)
    destination: Destination = import_module(f"worker.destinations.{scheme}").open_destination(url, settings)
    return destination
