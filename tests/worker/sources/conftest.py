"""The other sides that sources read from: a sandbox, as the one of a worker would be, and a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.server import Sandbox
from tests.support.exchange import market, yahoo_sandbox
from tests.support.shop import shop, shop_url, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["market", "sandbox", "shop", "shop_url", "stranger", "yahoo_sandbox"]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve nothing yet; after the test, no request and no answer was against Google's description of its APIs."""
    with Sandbox() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running
        assert running.violations == []
