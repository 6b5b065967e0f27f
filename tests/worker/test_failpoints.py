"""Failpoints do nothing unless they are asked for, and then kill at exactly one place (see `test_load_crashes`)."""

from __future__ import annotations

import re

import pytest

from tests.architecture.project import ROOT, python_files
from worker.failpoints import NAMES, reach


def test_names_are_those_that_the_worker_passes() -> None:
    sources = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in python_files("worker"))
    assert sorted(re.findall(r'reach\("([^"]+)"\)', sources)) == sorted(NAMES)


@pytest.mark.parametrize("armed", ["", "worker.after_plan", "worker.after_fence:2", "orchestrator.after_claim"])
def test_nothing_happens_at_another_place(monkeypatch: pytest.MonkeyPatch, armed: str) -> None:
    monkeypatch.setenv("FAILPOINT", armed)
    reach("worker.after_report")
