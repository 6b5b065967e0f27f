"""Tables, views and queries of a PostgreSQL database, read through ADBC as one stream of Arrow batches."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from worker import secrets
from worker.contract.options.postgresql import Options
from worker.contract.run_folder import PlannedUnit
from worker.errors import ConfigurationError, WorkerError
from worker.postgres import cursor, relation
from worker.postgres.cursor import Window
from worker.postgres.faults import UNDEFINED_TABLE, Rejection, explained
from worker.postgres.neighbours import near_tables
from worker.postgres.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from worker.contract.options import Options as AnyOptions
    from worker.postgres.projection import Column
    from worker.source import Request

WHOLE = "all"
"""The key of the unit that is everything."""


def open_source(options: AnyOptions, request: Request) -> PostgresqlSource:
    """Open the source; nothing is read, not even the secret, before a unit is planned or read."""
    if not isinstance(options, Options):
        raise TypeError(f"postgresql: expected its own options, got {type(options)}")
    return PostgresqlSource(options, request)


class PostgresqlSource:
    """One table, view or query: with a cursor column, the window of what is new; else all there is."""

    def __init__(self, options: Options, request: Request) -> None:
        self._options = options
        self._request = request
        self._relation = relation.table(options.table) if options.table else relation.query(options.query or "")

    def plan(self) -> Sequence[PlannedUnit]:
        name = self._options.cursor_column
        if name is None:
            return [PlannedUnit(key=WHOLE)]
        with self._transaction():
            from worker.postgres.projection import chosen, columns

            [column] = chosen(columns(self._session, self._relation), [name], self._relation)
            window = self._next_window(column)
        if window is None:
            return []
        reached = cursor.reached(column, window.up_to)
        return [PlannedUnit(key=f"{name}={window.up_to}", cursor=reached, window=window.to_json())]

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        with self._transaction():
            from worker.postgres import numerics
            from worker.postgres.delivery import Delivery
            from worker.postgres.projection import chosen, columns, project, select

            wanted = chosen(columns(self._session, self._relation), self._options.columns, self._relation)
            rows = self._rows(unit)
            decimals = numerics.decimals(self._session, rows, numerics.undeclared(wanted), self._request.existing)
            projected = project(self._session, self._relation, wanted, decimals)
            delivery = Delivery(projected, self._request.warn)
            with closing(self._session.stream(select(projected, rows))) as delivered:
                yield from delivery.batches(delivered, batch_size=self._request.batch_size)

    @cached_property
    def _session(self) -> Session:
        return Session(secrets.resolve(self._options.connection), reference=self._options.connection)

    def _next_window(self, column: Column) -> Window | None:
        from worker.postgres.window import count_empty, next_window

        after = cursor.start(self._request.cursor, column)
        if empty := count_empty(self._session, self._relation, column):
            self._request.warn(
                f"column {column.name}: expected a value in every row, got {empty} rows without one, "
                "which are not loaded; fill it in"
            )
        lag = self._options.cursor_lag
        return next_window(self._session, self._relation, column, after, lag=lag, warn=self._request.warn)

    def _rows(self, unit: PlannedUnit) -> str:
        """Return FROM and WHERE of a unit."""
        if unit.window is None or self._options.cursor_column is None:
            return self._relation.from_clause
        return f"{self._relation.from_clause} {Window(**unit.window).where(self._options.cursor_column)}"

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._session.transaction():
                from worker.lean_arrow import spare_pandas

                spare_pandas()
                yield
        except Rejection as fault:
            raise self._explained(fault) from fault

    def _explained(self, fault: Rejection) -> WorkerError:
        if fault.sqlstate != UNDEFINED_TABLE or self._options.table is None:
            return explained(fault, self._relation, host=self._session.host, role=self._session.role)
        advice = "correct the name"
        with suppress(Rejection, WorkerError):
            advice = near_tables(self._session, self._options.table)
        return ConfigurationError(
            f"source.table: expected a table or view, got {self._options.table!r}, which is not there; {advice}"
        )
