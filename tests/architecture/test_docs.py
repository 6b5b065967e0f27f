"""Everything a user can set, call or meet has its place in the reference."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from orchestrator import reference
from orchestrator.api import describe_api
from orchestrator.exit_codes import ExitCode
from orchestrator.model import RunState, SkipReason
from orchestrator.settings import Settings
from orchestrator.tables import load_configs
from tests.architecture.project import ROOT
from worker.contract.options import kinds, options_class
from worker.contract.report import ErrorKind
from worker.settings import Settings as WorkerSettings

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
# Ours, not the admin's.
NOT_SET_BY_ADMINS = {"id", "written_name", "created_at", "updated_at"}


def _page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def _first_cells(page: str) -> set[str]:
    """What stands in backquotes in the first cell of any table's row."""
    cells = re.findall(r"^\| ([^|]*) \|", page, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_generated_block_is_what_the_code_says(name: str) -> None:
    page = _page(name)
    assert reference.render_page(name, page) == page, "run `python -m orchestrator.reference`"


def test_every_command_and_flag_is_in_the_reference() -> None:
    sections = {section.split("`")[0]: section for section in _page("cli").split("\n## `sluice ")}
    for path, command in reference.commands():
        (section,) = [text for head, text in sections.items() if [*head.split()][: len(path)] == list(path)]
        flags = {name for flag in command.params if flag.param_type_name == "option" for name in flag.opts}
        listed = _first_cells(section)
        shared = _first_cells(_page("cli").partition("<!-- generated -->")[0])
        assert flags - {"--help", "-h"} <= listed | shared, path


def test_every_setting_is_in_the_reference() -> None:
    listed = _first_cells(_page("settings"))
    assert {name.upper() for name in Settings.model_fields} <= listed


def test_every_setting_of_the_worker_is_in_the_reference() -> None:
    names = {"duckdb_lock_wait": "DUCKDB_LOCK_WAIT_SECONDS"}
    variables = {names.get(field.name, field.name.upper()) for field in fields(WorkerSettings)}
    assert variables <= _first_cells(_page("settings"))


def test_every_endpoint_is_in_the_reference() -> None:
    page = _page("http-api")
    for path, methods in describe_api().openapi()["paths"].items():
        for method in methods:
            assert f"\n## `{method.upper()} {path}`\n" in page


def test_every_run_state_reason_and_kind_of_error_is_in_the_reference() -> None:
    listed = _first_cells(_page("run-states"))
    written = (ROOT / "orchestrator" / "decide.py").read_text() + (ROOT / "orchestrator" / "settle.py").read_text()
    kinds_of_error = {*ErrorKind, *re.findall(r'Failure\("(\w+)"', written)}
    assert {*RunState, *SkipReason, *kinds_of_error} <= listed


def test_every_exit_code_is_in_the_reference() -> None:
    assert {str(code.value) for code in ExitCode} <= _first_cells(_page("exit-codes"))


def test_every_column_of_a_config_is_in_the_reference() -> None:
    columns = {column.name for column in load_configs.columns} - NOT_SET_BY_ADMINS
    assert columns <= _first_cells(_page("config-columns"))


def test_every_rule_of_a_config_is_in_the_reference() -> None:
    rules = {str(rule.name) for rule in load_configs.constraints if rule.name and rule.name != "load_configs_pkey"}
    assert {rule for rule in rules if f"`{rule}`" not in _page("config-columns")} == set()


@pytest.mark.parametrize("kind", kinds())
def test_every_option_of_a_kind_is_on_its_page(kind: str) -> None:
    page = _page(f"sources/{kind}")
    assert set(options_class(kind).model_fields) <= _first_cells(page)
    for mode in options_class(kind).modes:
        assert f"`{mode}`" in page


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
