"""The API over ASGI, on a real database, with a launcher that does what a test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.api import create_api
from tests.support.asgi import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.app import App
    from tests.support.asgi import Client


@pytest.fixture
def api(app: App) -> Iterator[Client]:
    with client_of(create_api(app)) as client:
        yield client
