from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.sheets import Spreadsheet, Tab
from tests.worker.sources.conformance import SourceConformance, Subject

if TYPE_CHECKING:
    from sandbox.server import Sandbox


class TestGoogleSheetConformance(SourceConformance):
    @pytest.fixture
    def subject(self, sandbox: Sandbox) -> Subject:
        rows: list[list[str | float | None]] = [
            ["name", "amount"],
            ["Ann", 1],
            ["Bob", 2.5],
            ["Cy", None],
            ["Di", 4],
            ["Ed", 5],
        ]
        sheet = sandbox.sheets.add(Spreadsheet("team", tabs=[Tab("Sales", rows), Tab("Blank", [["name", "amount"]])]))
        hidden = sandbox.sheets.add(Spreadsheet("private", shared=False))
        key = json.loads(Path(sandbox.environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
        return Subject(
            kind="google_sheet",
            options={"url": sheet.url, "tab": "Sales"},
            rows=5,
            empty={"url": sheet.url, "tab": "Blank"},
            refused={"url": hidden.url},
            refused_says=key["client_email"],
            go_down=lambda: sandbox.faults.add(service="sheets", times=None, retry_after=0),
            own_clients=("gspread",),
            secrets=(key["private_key"],),
        )
