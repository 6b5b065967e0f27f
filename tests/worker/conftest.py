"""What the worker's tests get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import processes
from tests.support.runs import Runs
from tests.support.staging import Stager

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ForkServer

__all__ = ["processes"]


@pytest.fixture
def stage(tmp_path: Path) -> Stager:
    return Stager(tmp_path / "staged")


@pytest.fixture
def runs(processes: ForkServer, tmp_path: Path) -> Runs:
    return Runs(processes, tmp_path)
