"""The embedded destination: a DuckDB file. A project is BigQuery's: it is ignored; a dataset is a schema.

`DESTINATION_URL` is `duckdb://` and the file's path: `duckdb:///srv/lake.duckdb` is absolute, `duckdb://lake.duckdb`
and `duckdb://data/lake.duckdb` start at the working directory. Percent-encoding is decoded.

Rows and receipt are committed in one transaction; receipts are rows of `_sluice.receipts`. DuckDB gives a file to one
process at a time, so a connection is opened for each call only, and waited for up to `DUCKDB_LOCK_WAIT_SECONDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from worker.contract.run_folder import Part
    from worker.contract.run_spec import LoadMode
    from worker.destination import Receipt, Table, Target
    from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class DuckDB:
    """A DuckDB file."""

    path: Path
    lock_wait: timedelta

    def describe(self, target: Target) -> Table | None:
        """Look at the table."""
        from worker.destinations.duckdb.connection import connected
        from worker.destinations.duckdb.table import described

        if not self.path.exists():
            return None
        with connected(self.path, self.lock_wait, read_only=True) as connection:
            return described(connection, target)

    def published(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """Look up receipts; whoever is publishing holds the file, so waiting for it waits for what is in flight."""
        from worker.destinations.duckdb import receipts
        from worker.destinations.duckdb.connection import connected

        if not self.path.exists():
            return {}
        with connected(self.path, self.lock_wait, read_only=True) as connection:
            return receipts.find(connection, keys)

    def publish(self, target: Target, key: str, parts: Sequence[Part], mode: LoadMode) -> Receipt:
        """Publish in one transaction."""
        from worker.destinations.duckdb.connection import connected
        from worker.destinations.duckdb.publish import publish
        from worker.destinations.duckdb.unit import Unit

        unit = Unit.of(parts)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with connected(self.path, self.lock_wait, read_only=False) as connection:
            return publish(connection, target, key, unit, mode)


def open_destination(url: str, settings: Settings) -> DuckDB:
    """Return the destination of a `duckdb://` URL.

    Raises:
        ConfigurationError: it names no file.
    """
    split = urlsplit(url)
    path = unquote(split.netloc + split.path)
    if not path or path.endswith("/") or split.query or split.fragment or path.startswith(":"):
        raise ConfigurationError(
            f"DESTINATION_URL: expected duckdb:// and a file's path, such as duckdb:///srv/lake.duckdb, got {url!r};"
            " correct it"
        )
    return DuckDB(Path(path).absolute(), settings.duckdb_lock_wait)
