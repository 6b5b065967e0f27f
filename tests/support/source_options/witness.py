"""A kind of source that tells what it was given, and which clients are loaded when it makes its first request."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from worker.contract import options
from worker.contract.run_spec import LoadMode


class Options(options.Options):
    """What to tell of."""

    title: ClassVar[str] = "witness"
    modes: ClassVar[tuple[LoadMode, ...]] = tuple(LoadMode)
    example: ClassVar[dict[str, Any]] = {}

    tells: Literal["loaded", "request", "existing"] = "loaded"
