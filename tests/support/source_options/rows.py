"""What the tests' own kind of source may be told."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads annotations at run time
from typing import Any, ClassVar

from worker.contract import options
from worker.contract.run_spec import LoadMode


class Options(options.Options):
    """Rows of a JSON file."""

    title: ClassVar[str] = "file of rows"
    modes: ClassVar[tuple[LoadMode, ...]] = tuple(LoadMode)
    partition_by: ClassVar[str | None] = "day"
    example: ClassVar[dict[str, Any]] = {"file": "/srv/rows.json"}

    file: Path
    unit_rows: int = 2
    """Rows per unit; ignored under `replace`, which has one unit."""
    split: bool = False
    """Plan several units under `replace`, too, which no source may do."""
    has_cursor: bool = True
    plan_then: Path | None = None
    """A file that appears when planning begins, and a named pipe `<file>.go` to read from before it goes on."""
    read_then: Path | None = None
    """The same for reading, after each row of a unit."""
    password: str | None = None
    """A reference to a secret; if it is given, planning fails with an error that holds it."""
    key: str = "ids-{low}-{high}"
    """How units are called."""
    comment: str = ""
