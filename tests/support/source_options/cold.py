"""A kind of source that tells which clients are loaded when it makes its first request."""

from __future__ import annotations

from typing import Any, ClassVar

from worker.contract import options
from worker.contract.run_spec import LoadMode


class Options(options.Options):
    """Nothing to say."""

    title: ClassVar[str] = "nothing"
    modes: ClassVar[tuple[LoadMode, ...]] = tuple(LoadMode)
    example: ClassVar[dict[str, Any]] = {}
