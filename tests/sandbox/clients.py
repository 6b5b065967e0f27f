"""Unchanged clients of others, pointed at the sandbox as a program would point them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import gspread
from slack_sdk import WebClient

if TYPE_CHECKING:
    from pathlib import Path

    from requests import Response

    from sandbox.server import Sandbox


def google(sandbox: Sandbox) -> gspread.Client:
    """gspread, signed in with the sandbox's key file."""
    addresses = {
        "https://sheets.googleapis.com": sandbox.environment["SHEETS_API_URL"],
        "https://www.googleapis.com": sandbox.environment["DRIVE_API_URL"],
    }

    class Redirected(gspread.HTTPClient):
        def request(self, method: str, endpoint: str, *args: Any, **options: Any) -> Response:  # noqa: ANN401  gspread types them
            for address, local in addresses.items():
                endpoint = endpoint.replace(address, local)
            return super().request(method, endpoint, *args, **options)

    return gspread.service_account(sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"], http_client=Redirected)


def slack(sandbox: Sandbox, token: str | None = None) -> WebClient:
    token = sandbox.environment["SLACK_BOT_TOKEN"] if token is None else token
    return WebClient(token, base_url=sandbox.environment["SLACK_API_URL"], timeout=5)


def python(sandbox: Sandbox, program: str, cache: Path) -> str:
    """Run a program as a process of its own in the sandbox's environment, and return what it prints."""
    environment = {**os.environ, **sandbox.environment, "XDG_CACHE_HOME": str(cache)}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
