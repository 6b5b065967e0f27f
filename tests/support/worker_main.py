"""`sluice-worker` with the tests' own kinds of source beside its own; imports no more than that does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import worker.contract.options
import worker.sources
from worker.cli import main as worker_main

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUPPORT = Path(__file__).parent


def main(arguments: Sequence[str]) -> int:
    """Be the worker."""
    worker.contract.options.__path__.append(str(_SUPPORT / "source_options"))
    worker.sources.__path__.append(str(_SUPPORT / "sources"))
    return worker_main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
