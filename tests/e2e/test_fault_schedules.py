"""Random schedules of faults: a few seeds, or with SLUICE_FULL_MATRIX=1 many. A seed's schedule is always the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.fault_schedule import FaultSchedule

if TYPE_CHECKING:
    from tests.support.crash import Rig

_SEEDS = range(200) if os.environ.get("SLUICE_FULL_MATRIX") == "1" else range(3)


@pytest.mark.parametrize("seed", _SEEDS)
def test_schedule_of_faults_loses_and_doubles_nothing(rig: Rig, seed: int) -> None:
    schedule = FaultSchedule(rig, seed)
    try:
        schedule.play()
    except BaseException as error:
        error.add_note(f"seed {seed}: {schedule}")
        raise
