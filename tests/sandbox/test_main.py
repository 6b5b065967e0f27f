from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "sandbox"]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout.readline, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_sandbox_prints_its_environment_and_ends_on_a_signal(empty: Path, number: int) -> None:
    with subprocess.Popen(
        [*COMMAND, "--data", str(empty), "--print-env"], stdout=subprocess.PIPE, text=True
    ) as process:
        environment = {}
        for line in _lines(process):
            name, _, value = line.rstrip().partition("=")
            environment[name] = value
            if name == "NO_PROXY":
                break
        key_file = Path(environment["GOOGLE_APPLICATION_CREDENTIALS"])
        assert httpx.get(f"{environment['SANDBOX_URL']}/_messages").json() == {"messages": []}
        assert key_file.exists()
        process.send_signal(number)
        assert process.wait(10) == 0
    assert not key_file.parent.exists()


def test_sandbox_writes_the_port_file_whole(tmp_path: Path) -> None:
    port_file = tmp_path / "sandbox.json"
    command = [*COMMAND, "--port-file", str(port_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        _wait_for(port_file, process)
        environment = json.loads(port_file.read_text(encoding="utf-8"))
        process.terminate()
        assert process.wait(10) == 0
    assert environment["NO_PROXY"] == "127.0.0.1,localhost"
    assert environment["SLACK_API_URL"].startswith("http://127.0.0.1:")


def test_sandbox_refuses_bad_data_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "stocks").mkdir()
    (tmp_path / "stocks" / "SAP.csv").write_text("Date,Open\n2024-01-02,one\n", encoding="utf-8")
    finished = subprocess.run(
        [*COMMAND, "--data", str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert finished.returncode == 2
    assert "SAP.csv, line 2: expected Date, Open, High" in finished.stderr
    assert "Traceback" not in finished.stderr


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Waiting for the process is the clock: it does not end before it is told to."""
    for _ in range(200):
        if path.exists():
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise TimeoutError(path)
