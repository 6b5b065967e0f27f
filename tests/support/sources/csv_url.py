"""Rows of a CSV file on a web server, as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

from worker.contract.run_folder import PlannedUnit
from worker.errors import ConfigurationError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tests.support.source_options.csv_url import Options
    from worker.source import Request

_TIMEOUT_SECONDS = 60
_MAY_PASS = (408, 429)


@dataclass(frozen=True)
class CsvUrl:
    """One file, which is one unit: what is not there as a whole is not there."""

    options: Options
    request: Request

    def plan(self) -> list[PlannedUnit]:
        return [PlannedUnit(key="file")]

    def read(self, unit: PlannedUnit) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv

        written = csv.ParseOptions(delimiter=self.options.delimiter)
        try:
            table = csv.read_csv(BytesIO(self._content()), parse_options=written)
        except pa.ArrowInvalid as error:
            raise ConfigurationError(f"{self.options.url}: expected CSV, got: {error}; correct the file") from error
        no_rows = pa.RecordBatch.from_pylist([], schema=table.schema)
        yield from table.to_batches(max_chunksize=self.request.batch_size) or [no_rows]

    def _content(self) -> bytes:
        url = self.options.url
        try:
            with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in _MAY_PASS:
                raise ConfigurationError(f"{url}: expected a file, got {error}; correct source.url") from error
            raise Unavailable(f"{url}: expected a file, got {error}; try again later") from error
        except OSError as error:
            raise Unavailable(f"{url}: expected an answer, got: {error}; try again later") from error


def open_source(options: Options, request: Request) -> CsvUrl:
    """Open the source."""
    return CsvUrl(options, request)
