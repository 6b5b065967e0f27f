"""Waiting for a condition, with a deadline, in place of a sleep."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL_SECONDS = 0.01


def wait_until(condition: Callable[[], T], *, timeout_seconds: float = 10, what: str) -> T:
    """Return the first true value of `condition`; `what` says in the failure what did not come to pass."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"expected within {timeout_seconds:g} s: {what}")
        time.sleep(_POLL_SECONDS)
    return value
