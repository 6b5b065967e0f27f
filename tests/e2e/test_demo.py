"""`bin/demo` does what it says, and a Ctrl-C in the middle leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO = [sys.executable, "-m", "demo"]
_PROJECT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the demo runs: Postgres gives up its rights as root, so others must be able to enter."""
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent.owner() == tmp_path.owner():
            parent.chmod(parent.stat().st_mode | 0o011)
    return tmp_path


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_PROJECT)}


def _left_behind(folder: Path) -> Iterator[str]:
    """Name every process that works in the folder, or for a run in it."""
    for process in psutil.process_iter():
        try:
            told = f"{process.cwd()} {process.cmdline()} {process.environ().get('RUN_FOLDER')}"
        except psutil.Error:
            continue
        if str(folder) in told:
            yield told


@pytest.mark.timeout(240)
def test_demo_ends_well_and_leaves_no_process(folder: Path) -> None:
    done = subprocess.run(DEMO, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "FAIL" not in done.stdout
    assert "14 of 14 as they must be" in done.stdout
    assert list(_left_behind(folder)) == []


@pytest.mark.timeout(240)
def test_ctrl_c_in_the_middle_of_the_loads_leaves_no_process(folder: Path) -> None:
    output = folder / "output.txt"
    with output.open("w") as file:
        demo = subprocess.Popen(
            DEMO, cwd=folder, env=_environment(), stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        wait_until(lambda: "\trunning\t" in output.read_text(), timeout_seconds=120, what="a load that runs")
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(60) == 130, output.read_text()[-4000:]
    assert "nothing is left running" in output.read_text()
    assert list(_left_behind(folder)) == []
