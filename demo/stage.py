"""What the demo starts, and ends again whatever happens: Postgres, the stand-ins, and the orchestrator."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

import psutil
import psycopg2
from psycopg2 import sql

from orchestrator.embedded import EmbeddedPostgres
from sandbox.server import DATA, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(".sluice/demo")
LIMIT = 3
_READY_SECONDS = 30
_END_SECONDS = 15


@dataclass(frozen=True)
class Stage:
    """Everything that runs."""

    sandbox: Sandbox
    database_url: str
    source_url: str
    api_url: str
    warehouse: Path
    environment: dict[str, str]

    def sluice(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run a command as a user would, its output on the terminal."""
        command = [_program("sluice"), *arguments]
        print(f"\n$ sluice {' '.join(arguments)}", flush=True)
        return subprocess.run(command, env=self.environment, check=check)

    def post(self, path: str, body: dict[str, str]) -> None:
        """Ask the serving orchestrator for something, as `curl` would."""
        content = json.dumps(body)
        print(f"\n$ curl -X POST {self.api_url}{path} -H 'content-type: application/json' -d '{content}'", flush=True)
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.api_url}{path}", content.encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.read().decode(), flush=True)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start it all on free loopback ports, in a folder that is new each time."""
    folder = FOLDER.absolute()
    for old in ("runs", "warehouse.duckdb", "warehouse.duckdb.wal"):
        _remove(folder / old)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder))
        sandbox = stack.enter_context(Sandbox(DATA))
        api_url = f"http://127.0.0.1:{_free_port()}"
        warehouse = folder / "warehouse.duckdb"
        database_url, source_url = _database(server, "sluice"), _database(server, "flights")
        environment = {
            **os.environ,
            **sandbox.environment,
            "DATABASE_URL": database_url,
            "RUNS_URL": (folder / "runs").as_uri(),
            "DESTINATION_URL": f"duckdb://{warehouse}",
            "FLIGHTS_DATABASE_URL": source_url,
            "SLACK_CHANNEL": "#data-loads",
            "MAX_PARALLEL_JOBS": str(LIMIT),
            "TICK_URL": f"{api_url}/tick",
            "LOG_LEVEL": "WARNING",
        }
        environment.pop("SLACK_WEBHOOK_URL")
        stack.callback(_end_workers, environment["RUNS_URL"])
        ready = Stage(sandbox, database_url, source_url, api_url, warehouse, environment)
        ready.sluice("migrate")
        stack.enter_context(_serving(ready))
        yield ready


@contextmanager
def _serving(ready: Stage) -> Iterator[None]:
    port = ready.api_url.rpartition(":")[2]
    command = [_program("sluice"), "serve", "--host", "127.0.0.1", "--port", port]
    print(f"\n$ sluice serve --host 127.0.0.1 --port {port} &", flush=True)
    server = subprocess.Popen(command, env=ready.environment, start_new_session=True)
    try:
        _await_ready(ready.api_url, server)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _end_workers(runs_url: str) -> None:
    """End the loads that are still running: they outlive the orchestrator, and must not outlive the demo."""
    workers = [process for process in psutil.process_iter() if _run_folder(process).startswith(runs_url)]
    for process in workers:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(workers, _END_SECONDS)[1]:
        process.kill()


def _run_folder(process: psutil.Process) -> str:
    try:
        return process.environ().get("RUN_FOLDER", "")
    except (psutil.Error, OSError):
        return ""


def _await_ready(api_url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{api_url}/readyz", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    message = (
        f"sluice serve: expected it to answer {api_url}/readyz, got exit code {server.poll()}; see its output above"
    )
    raise RuntimeError(message)


def _database(server: str, name: str) -> str:
    """Make a new database of this name and return its URL."""
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    parameters = connection.get_dsn_parameters()
    connection.close()
    return f"postgresql://{parameters['user']}@/{name}?host={parameters['host']}&port={parameters['port']}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
