"""What a CSV file on a web server may be told."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from worker.contract import options
from worker.contract.run_spec import LoadMode


class Options(options.Options):
    """A CSV file with a header."""

    title: ClassVar[str] = "CSV file at a URL"
    modes: ClassVar[tuple[LoadMode, ...]] = (LoadMode.REPLACE, LoadMode.APPEND)
    example: ClassVar[dict[str, Any]] = {"url": "https://example.com/rates.csv", "delimiter": ";"}

    url: Annotated[str, Field(pattern="^https?://")]
    """Where the file is."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What stands between two values."""
