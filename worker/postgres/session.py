"""A session with a PostgreSQL server, through ADBC's low-level binding.

That binding (14 ms to import) is what `adbc_driver_postgresql.dbapi` stands on, which imports pandas and polars
wherever they are installed (1.2 s). So the connection is open before pyarrow, which decodes the
answers, is even imported.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from worker.errors import Unavailable
from worker.postgres import dsn
from worker.postgres.faults import connection_fault, rejection

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import pyarrow as pa
    from adbc_driver_manager import AdbcConnection, AdbcStatement

# Settings hold for one transaction, not for the session: behind a pooler the next transaction has another one.
_SETTINGS = """
SELECT pg_catalog.set_config(name, value, true)
FROM (VALUES ('client_encoding', 'UTF8'), ('intervalstyle', 'iso_8601'), ('datestyle', 'ISO'), ('bytea_output', 'hex'),
             ('lock_timeout', coalesce(nullif(current_setting('lock_timeout'), '0'), '60s'))) AS settings (name, value)
"""
_COPY = "adbc.postgresql.use_copy"
_BATCH_BYTES = "adbc.postgresql.batch_size_hint_bytes"
_BATCH_SIZE_HINT = 8 * 1024 * 1024


class Session:
    """One connection, opened by the first transaction and kept; all it does is read."""

    def __init__(self, secret: str, *, reference: str) -> None:
        """Take the connection string and the reference by which messages name it."""
        self.reference = reference
        self.host = dsn.host(secret)
        self.role = dsn.role(secret)
        self._secret = dsn.completed(secret, reference=reference)
        self._connection: AdbcConnection | None = None

    def __repr__(self) -> str:
        return f"Session({self.reference!r})"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a read-only transaction that sees one snapshot. After an error the connection is closed.

        Raises:
            ConfigurationError: the server refuses the connection.
            Unavailable: there is no connection to be had.
        """
        try:
            self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self.fetch(_SETTINGS)
            yield
            self._run("COMMIT")
        except BaseException:
            self.close()
            raise

    def fetch(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a small answer.

        Raises:
            Rejection: the server refused the statement.
        """
        with self._statement(sql, {_COPY: "false"}) as statement:
            return _reader(statement).read_all().to_pylist()

    def describe(self, sql: str) -> pa.Schema:
        """Return the columns that a SELECT has, with PostgreSQL's names of their types in the fields' metadata."""
        with self._statement(sql, {}) as statement:
            handle = statement.execute_schema()
            import pyarrow as pa

            return pa.Schema._import_from_c(handle.address)  # noqa: SLF001 - the way in for a C schema

    def stream(self, sql: str) -> Generator[pa.RecordBatch]:
        """Yield the batches of a SELECT, at least one; while one is worked on, the next is read."""
        with (
            self._statement(sql, {_BATCH_BYTES: str(_BATCH_SIZE_HINT)}) as statement,
            closing(_reader(statement)) as reader,
            ThreadPoolExecutor(1) as thread,
            _cancelled_on_error(statement),
        ):
            batch: pa.RecordBatch | None = thread.submit(next, reader, _empty(reader.schema)).result()
            while batch is not None:
                following = thread.submit(next, reader, None)
                yield batch
                batch = following.result()

    def close(self) -> None:
        """Close the connection; the server ends what it was doing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run(self, sql: str) -> None:
        with self._statement(sql, {_COPY: "false"}) as statement:
            statement.execute_query()

    @contextmanager
    def _statement(self, sql: str, options: dict[str, str]) -> Iterator[AdbcStatement]:
        connection = self._connected()
        from adbc_driver_manager import AdbcStatement, Error

        statement = AdbcStatement(connection)
        try:
            statement.set_options(**options)
            statement.set_sql_query(sql)
            yield statement
        except Error as error:
            raise rejection(error) from error
        finally:
            statement.close()

    def _connected(self) -> AdbcConnection:
        if self._connection is None:
            attempts = Retrying(
                retry=retry_if_exception_type(Unavailable),
                stop=stop_after_attempt(3),
                wait=wait_random_exponential(multiplier=0.5, max=5),
                reraise=True,
            )
            self._connection = attempts(self._connect)
        return self._connection

    def _connect(self) -> AdbcConnection:
        from adbc_driver_manager import AdbcConnection, Error
        from adbc_driver_postgresql import connect

        try:
            return AdbcConnection(connect(self._secret))
        except Error as error:
            raise connection_fault(str(error), host=self.host, reference=self.reference) from None


@contextmanager
def _cancelled_on_error(statement: AdbcStatement) -> Iterator[None]:
    """Let the server end a statement that nobody waits for any more, so that a read under way ends, too."""
    from adbc_driver_manager import Error

    try:
        yield
    except BaseException:
        with suppress(Error):
            statement.cancel()
        raise


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def _reader(statement: AdbcStatement) -> pa.RecordBatchReader:
    """Execute, and read the answer with errors that keep their SQLSTATE (pyarrow's own reader makes them `OSError`)."""
    handle, _ = statement.execute_query()
    from adbc_driver_manager._reader import AdbcRecordBatchReader

    return AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - the way in for a C stream
