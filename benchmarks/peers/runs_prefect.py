"""Prefect: COUNT empty flow runs through a process work pool with a limit. Prints the seconds.

Run with .venv-benchmarks.
From the first run asked for to the last one completed; the server and the worker are up before the clock starts.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

COUNT, LIMIT = int(sys.argv[1]), int(sys.argv[2])
FLOW = """
from prefect import flow

@flow
def empty() -> None:
    pass
"""
SUBMIT = """
import sys, time
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment

flow.from_source(source=sys.argv[1], entrypoint="empty_flow.py:empty").deploy("bench", work_pool_name="pool")
began = time.perf_counter()
runs = [run_deployment("empty/bench", timeout=0).id for _ in range(int(sys.argv[2]))]
with get_client(sync_client=True) as client:
    while not all(client.read_flow_run(run).state.is_final() for run in runs):
        time.sleep(0.5)
    assert all(client.read_flow_run(run).state.is_completed() for run in runs)
print(time.perf_counter() - began)
"""


def main() -> None:
    """Start the server and the worker, submit, wait, and end them."""
    prefect = str(Path(sys.executable).with_name("prefect"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, ExitStack() as stack:
        Path(home, "empty_flow.py").write_text(FLOW)
        Path(home, "submit.py").write_text(SUBMIT)
        environment = os.environ | {
            "PREFECT_HOME": home,
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "DO_NOT_TRACK": "1",
        }
        quiet = {"env": environment, "cwd": home, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([prefect, "server", "start", "--port", str(port)], **quiet)  # type: ignore[call-overload]
        stack.callback(_end, server)
        _await(f"http://127.0.0.1:{port}/api/health")
        subprocess.run([prefect, "work-pool", "create", "pool", "--type", "process"], check=True, **quiet)  # type: ignore[call-overload]
        worker = subprocess.Popen([prefect, "worker", "start", "--pool", "pool", "--limit", str(LIMIT)], **quiet)  # type: ignore[call-overload]
        stack.callback(_end, worker)
        submit = [sys.executable, "submit.py", home, str(COUNT)]
        done = subprocess.run(submit, env=environment, cwd=home, check=True, capture_output=True, text=True)
        print(done.stdout.split()[-1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


def _await(url: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - the server this script has started
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(url)


main()
