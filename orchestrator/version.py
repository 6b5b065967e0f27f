"""Which Sluice this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """Return the version of this installation."""
    try:
        return installed("sluice")
    except PackageNotFoundError:  # run from a checkout
        return "0+checkout"
