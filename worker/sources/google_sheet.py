"""Rows of one tab of a Google Sheet. What becomes of headers and cells is told on the page of this source."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from worker.contract.run_folder import PlannedUnit
from worker.errors import ConfigurationError
from worker.lean_arrow import spare_pandas
from worker.sheets.reading import Reader
from worker.sheets.tabs import Tab, choose_tab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from worker.contract.options.google_sheet import Options
    from worker.sheets.wire import SheetsClient
    from worker.source import Request


def open_source(options: Options, request: Request) -> GoogleSheet:
    """Open a tab; gspread is imported here.

    Raises:
        ConfigurationError: there are no usable credentials.
    """
    from worker.sheets.wire import SheetsClient

    return GoogleSheet(options, request, SheetsClient(os.environ))


class GoogleSheet:
    """One tab, which is one unit: it is read whole or not at all."""

    def __init__(self, options: Options, request: Request, client: SheetsClient) -> None:
        """Ask nothing yet."""
        self._options = options
        self._request = request
        self._client = client
        self._reader = Reader(client, options)

    def plan(self) -> Sequence[PlannedUnit]:
        mark = self._mark() if self._options.skip_unchanged else None
        if mark is not None and self._is_loaded(mark):
            return ()
        tab = choose_tab(self._reader.tabs(), self._options, self._request.warn)
        return (PlannedUnit(key="sheet", cursor=mark, window=tab.window()),)

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        tab, table = self._reader.read(unit.window["gid"])
        # Imported only now, so that the first request of a cold worker does not wait for pyarrow.
        from worker.sheets import schema

        spare_pandas()
        request = self._request
        if not table.columns():
            yield self._nothing(tab, schema.empty(request.custom_schema, request.existing()))
            return
        schema.tell_doubled_headers(table, request.warn)
        schema.tell_errors(table, request.warn)
        if request.custom_schema:
            conversion = schema.prescribe(table, request.custom_schema, tab.zone)
        else:
            conversion = schema.detect(table, request.existing(), tab.zone, request.warn)
        yield from conversion.batches(request.batch_size)

    def _mark(self) -> dict[str, str]:
        """Say what would be loaded: this version of the file, read by these options into these columns."""
        columns = [column.model_dump_json() for column in self._request.custom_schema or ()]
        reading = "\n".join([self._options.model_dump_json(), *columns])
        version = self._client.version(self._options.spreadsheet_id)
        return {"version": version, "reading": hashlib.sha256(reading.encode()).hexdigest()[:16]}

    def _is_loaded(self, mark: dict[str, str]) -> bool:
        """Tell whether the table holds just that; not so if nobody knows what a failed run left."""
        request = self._request
        return mark == request.cursor and not request.failed_before and request.existing() is not None

    def _nothing(self, tab: Tab, batch: pa.RecordBatch | None) -> pa.RecordBatch:
        if batch is None:
            raise ConfigurationError(
                f"tab {tab.title!r}: expected column names in its first row, got an empty tab and no table yet;"
                " write them, or give a custom_schema"
            )
        self._request.warn(f"tab {tab.title!r}: expected rows, got an empty tab; it is loaded as no rows")
        return batch
