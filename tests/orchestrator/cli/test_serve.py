"""`sluice serve`, as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.configs import rows
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

COMMAND = (sys.executable, "-c", "from orchestrator.cli import main; main()", "serve")


@contextmanager
def _serving(*flags: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *flags],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LOG_LEVEL": "ERROR", **environment},
    )
    assert process.stdout
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "expected a line with the address"
        yield process, found[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_a_signal_and_ends_with_0(database_url: str, number: signal.Signals) -> None:
    with _serving(DATABASE_URL=database_url) as (process, url):
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert httpx.get(f"{url}/docs").status_code == 200
        process.send_signal(number)
        assert process.wait(20) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz")


def test_ticks_by_itself(database_url: str, engine: Engine) -> None:
    with _serving("--tick-every", "0.05s", DATABASE_URL=database_url):
        wait_until(lambda: len(rows(engine, "select from ticks")) >= 3, what="three ticks", timeout_seconds=20)


def test_without_tick_every_it_ticks_only_when_asked(database_url: str, engine: Engine) -> None:
    with _serving(DATABASE_URL=database_url) as (_, url):
        assert rows(engine, "select from ticks") == []
        assert httpx.post(f"{url}/tick").status_code == 200
        assert len(rows(engine, "select from ticks")) == 1


def test_token_guards_loopback_too(database_url: str) -> None:
    with _serving(DATABASE_URL=database_url, ADMIN_TOKEN="letmein") as (_, url):
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/configs").status_code == 401
        assert httpx.get(f"{url}/configs", headers={"Authorization": "Bearer letmein"}).status_code == 200


def _refused(*flags: str) -> str:
    done = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    (line,) = done.stderr.splitlines()
    return line


def test_without_token_it_refuses_to_listen_beyond_loopback(database_url: str) -> None:
    said = _refused("--host", "0.0.0.0", "--port", "0", "--database-url", database_url)
    assert said == (
        "error: ADMIN_TOKEN: expected a token, since others can reach 0.0.0.0, got none;"
        " set it, or listen on 127.0.0.1 (LISTEN_HOST)"
    )


def test_port_that_is_taken_is_told(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = _refused("--port", str(port), "--database-url", database_url)
    assert said.startswith(f"error: serve: expected to listen on 127.0.0.1 port {port}, got: Address already in use")
