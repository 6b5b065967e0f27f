"""A sandbox that sources in this process talk to as those of a worker would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve nothing yet; after the test, no request and no answer was against Google's description of its APIs."""
    with Sandbox() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.violations == []
