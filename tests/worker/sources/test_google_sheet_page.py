"""The page that tells people of this source says what the source does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from worker.contract.options.google_sheet import Options

PAGE = Path(__file__).parents[3] / "docs/reference/sources/google_sheet.md"


def test_page_lists_every_option_and_no_other() -> None:
    table = PAGE.read_text().split("## Options")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(Options.model_fields)


def test_example_on_the_page_is_a_config() -> None:
    [example] = re.findall(r"'(\{.*\})'", PAGE.read_text())
    assert Options.model_validate(json.loads(example)).spreadsheet_id == "1abc"
