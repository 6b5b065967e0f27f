"""Where rows come from. `sources/<kind>.py` has `open_source`; the file's name is the kind.

A source is opened with its options and a request, plans units, and reads each as Arrow record batches:
every unit yields at least one batch (of no rows, if there are none), and all batches of a unit have one schema.
A column that cannot be empty is a non-nullable field.
Options that a person may set live in `contract/options/<kind>.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime

    import pyarrow as pa

    from worker.contract.custom_schema import Column
    from worker.contract.options import Options
    from worker.contract.run_folder import PlannedUnit
    from worker.contract.run_spec import LoadMode


@dataclass(frozen=True, slots=True)
class Request:
    """What this run asks of a source."""

    config_name: str
    mode: LoadMode
    now: datetime
    batch_size: int
    """Rows per batch at the most."""
    cursor: Any
    """Where to start: what an earlier unit's `cursor` was, or None for everything."""
    failed_before: bool
    """A run of this config failed since its last success."""
    start_date: date | None
    end_date: date | None
    """Inclusive."""
    allow_drop: bool
    custom_schema: Sequence[Column] | None
    existing: Callable[[], pa.Schema | None]
    """The destination table's columns (without metadata columns), or None if there is no table; asked when called."""
    warn: Callable[[str], None]
    """Say something that does not fail the run; it ends up in the report."""


class Source(Protocol):
    """A source of rows."""

    def plan(self) -> Sequence[PlannedUnit]:
        """Return the units of this run in cursor order, reading no more than that takes; no units: nothing to load.

        Raises:
            ConfigurationError: a person must change something.
            Unavailable: the other side could not answer.
        """
        ...

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        """Read exactly this unit, also when an earlier attempt, in another process, planned it."""
        ...


def open_source(kind: str, options: Options, request: Request) -> Source:
    """Open the source of a kind; its client is imported here and no other's."""
    source: Source = import_module(f"worker.sources.{kind}").open_source(options, request)
    return source
