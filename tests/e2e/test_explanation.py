"""The page that explains the promises names tests that are there."""

from __future__ import annotations

import re

from tests.architecture.project import ROOT

_PAGE = ROOT / "docs/explanation/why-nothing-is-lost-or-doubled.md"


def test_every_promise_names_tests_that_exist() -> None:
    promises = re.split(r"^## \d\. ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert len(promises) == 6
    for promise in promises:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
        assert named, promise
        assert [name for file, name in named if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")] == []
