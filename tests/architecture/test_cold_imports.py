"""Nobody pays for a client that is not used: a worker's start is paid with every run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.project import module_name, python_files

_SOURCE_CLIENTS = {
    "google_sheet": {"gspread", "google", "googleapiclient", "requests"},
    "postgresql": {"adbc_driver_manager", "adbc_driver_postgresql"},
    "stock_prices": {"curl_cffi", "exchange_calendars", "pandas", "yfinance"},
}
_HEAVY = {"duckdb", "fastapi", "httpx", "pyarrow", "sqlalchemy"}.union(*_SOURCE_CLIENTS.values())
_CONTRACT = [module_name(path) for path in python_files("worker/contract")]
_KINDS = [path.stem for path in python_files("worker/sources") if path.stem != "__init__"]


def _loaded_by(module: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after importing `module`."""
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("module", _CONTRACT)
def test_contract_imports_no_client(module: str) -> None:
    assert _loaded_by(module) & _HEAVY == set()


def test_start_of_the_worker_imports_no_client() -> None:
    assert _loaded_by("worker.cli") & _HEAVY == set()


@pytest.mark.parametrize("kind", _KINDS)
def test_source_imports_no_client_of_another(kind: str) -> None:
    own = _SOURCE_CLIENTS[kind]
    others = {client for other, clients in _SOURCE_CLIENTS.items() if other != kind for client in clients} - own
    assert _loaded_by(f"worker.sources.{kind}") & (others | {"duckdb", "fastapi", "sqlalchemy"}) == set()


def test_every_source_is_known_here() -> None:
    assert set(_KINDS) <= set(_SOURCE_CLIENTS)
