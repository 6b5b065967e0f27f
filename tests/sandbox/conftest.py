from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty sandbox; whatever it was asked and answered must have been as Google describes it."""
    with Sandbox() as sandbox:
        yield sandbox
    assert sandbox.violations == []
