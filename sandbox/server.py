"""The sandbox as a whole: stand-ins on free loopback ports, and the environment that points a process at them."""

from __future__ import annotations

import json
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import certifi

from sandbox.control import Control
from sandbox.csv_data import spreadsheets, symbols
from sandbox.discovery import discovery
from sandbox.drive import Drive
from sandbox.faults import Faults
from sandbox.google_api import Inspection
from sandbox.google_identity import AllowedLocations, Identity
from sandbox.sheets.service import Sheets
from sandbox.slack.service import Slack
from sandbox.tls_proxy import TlsProxy
from sandbox.traffic import Traffic
from sandbox.web import Handler, Listener, Service, Site
from sandbox.yahoo.service import Yahoo

if TYPE_CHECKING:
    from types import TracebackType

DATA = Path(__file__).parent / "data"
_DOMAINS = ["yahoo.com", "iamcredentials.googleapis.com"]


class Sandbox:
    """Serves from construction to `close()`, or as a context manager.

    `data` is a folder with `sheets/*.csv` and `stocks/*.csv`; without one, the sandbox starts empty.
    `environment` is what a process needs in addition to its own, to talk to the sandbox instead of the world.
    """

    def __init__(self, data: Path | None = None) -> None:
        self.faults = Faults()
        self.requests = Traffic()
        self.violations: list[str] = []
        self.identity = Identity()
        self.sheets = Sheets(self.identity, Inspection(discovery("sheets.v4"), self.violations))
        self.drive = Drive(self.sheets, self.identity, Inspection(discovery("drive.v3"), self.violations))
        self.yahoo = Yahoo()
        self.slack = Slack()
        self._fill(data)
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-sandbox-")
        control = Control(self.slack, self.faults, self.requests, self.violations)
        services: list[Service] = [control, self.identity, self.sheets, self.drive, self.slack]
        behind_tls = Site([self.yahoo, AllowedLocations()], self.faults, self.requests)
        self._sites = [Site(services, self.faults, self.requests), behind_tls]
        self._listener = Listener(partial(Handler, self._sites[0]))
        self._proxy = TlsProxy(self._sites[1], _DOMAINS)
        self.url = self._listener.url
        self.environment = self._environment(Path(self._folder.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, hang up on everybody, and remove the key file and the certificates."""
        for site in self._sites:
            site.closing.set()
        self._proxy.close()
        self._listener.close()
        self._folder.cleanup()

    def _fill(self, data: Path | None) -> None:
        if data is None:
            return
        if not data.is_dir():
            raise NotADirectoryError(
                f"sandbox data: expected a folder with sheets/ and stocks/, got {data}; name one with --data"
            )
        for spreadsheet in spreadsheets(data):
            self.sheets.add(spreadsheet)
        for symbol in symbols(data):
            self.yahoo.add(symbol)

    def _environment(self, folder: Path) -> dict[str, str]:
        key_file = folder / "service-account.json"
        key_file.touch(mode=0o600)
        key_file.write_text(json.dumps(self.identity.key_file(f"{self.url}/token")), encoding="utf-8")
        bundle = folder / "certificates.pem"
        bundle.write_bytes(self._proxy.authority_pem + _trusted_before())
        proxy = {"HTTPS_PROXY": self._proxy.url, "NO_PROXY": "127.0.0.1,localhost"}
        return {
            "SANDBOX_URL": self.url,
            "SHEETS_API_URL": self.url,
            "DRIVE_API_URL": self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(key_file),
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_BOT_TOKEN": self.slack.token,
            "SLACK_WEBHOOK_URL": f"{self.url}{self.slack.webhook_path}",
            **dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(bundle)),
            **proxy,
            # Clients prefer the lower-case names, so those must not go on naming another proxy.
            **{name.lower(): value for name, value in proxy.items() if name.lower() in os.environ},
        }


def _trusted_before() -> bytes:
    """Return the certificates that this process trusts without the sandbox."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return Path(named or certifi.where()).read_bytes()
