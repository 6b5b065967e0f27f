"""What the documentation says is true: its links lead somewhere, its commands, settings, SQL and tables are the code's.

`test_docs.py` holds that nothing is missing from the reference; here, that nothing is there that does not exist.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import migrations
from orchestrator.config_file import read_configs
from orchestrator.configs import Configs
from orchestrator.model import TRANSITIONS
from orchestrator.spec import Defaults
from orchestrator.store import Store
from tests.architecture.project import PACKAGES, ROOT, python_files
from tests.support.command_lines import commands_of, fault
from tests.support.documents import DOCS, Block, anchors, blocks, inline_code, links, pages, table
from worker.contract.exit_code import ExitCode
from worker.contract.options import kinds, options_class
from worker.contract.report import ErrorKind, Report
from worker.contract.run_folder import Fence, Manifest, Plan
from worker.contract.run_spec import VARIABLES, LoadMode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import BaseModel
    from sqlalchemy import Connection, Engine

PAGES = pages()
REFERENCE = DOCS / "reference"
TROUBLESHOOT = DOCS / "how-to" / "troubleshoot.md"
_SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_TOLD = re.compile(r"^(INSERT INTO|UPDATE|DELETE FROM|SELECT) [^…]*$")
_OURS = re.compile(r"^(\w+=\S+ )*sluice(-worker)? [^|]*$")
_DEFAULTS = Defaults(destination_url="duckdb:///lake.duckdb", runs_url="file:///runs")
_FILE = re.compile(
    r"^(?:benchmarks|bin|docs|migrations|orchestrator|requirements|sandbox|tests|worker)/[\w./-]+(::\w+)?$"
)
_EXAMPLE = "csv_url"
"""The kind that a how-to adds: its files are not where it says, but where the tests keep them."""
_NOT_READ_YET = {"GCP_REGION", "GCS_BUCKET_NAME"}
"""The page of settings says so."""
# What statements on the pages act upon.
_PREPARED = """
    CREATE ROLE analysts;
    CREATE TABLE sheet_to_bigquery_configs_before_sluice (id integer);
"""


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=_name)


def _words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@every_page
def test_links_lead_to_a_heading_that_is_there(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if "://" not in link:
            assert file.exists(), link
            assert not anchor or anchor in anchors(file), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        found = {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link}
        new |= {file for file in found if file.suffix == ".md"} - reached
    assert set(PAGES) <= reached


@every_page
def test_commands_exist(page: Path) -> None:
    for block in blocks(page, "sh"):
        for words in commands_of(block.text):
            assert fault(words) is None, (str(block), words, fault(words))


@every_page
def test_commands_named_in_a_sentence_exist(page: Path) -> None:
    for code in filter(_OURS.match, inline_code(page)):
        for words in commands_of(code):
            assert fault(words, whole=False) is None, (words, fault(words, whole=False))


def test_command_that_does_not_exist_is_found() -> None:
    assert fault(["sluice", "tickle"]) == "there is no command tickle"
    assert "--dry" in (fault(["sluice", "tick", "--dry"]) or "")
    assert fault(["sluice", "backfill", "prices"], whole=True) == "missing ['start_date', 'end_date']"
    assert fault(["sluice", "backfill"], whole=False) is None
    assert fault(["sluice-worker", "paln"]) is not None
    found = commands_of(
        "A=1 sluice tick \\\n  --wait > out  # sluice no\npsql <<'SQL'\nsluice x\nSQL\nB=$(sluice status)"
    )
    assert list(found) == [["sluice", "tick", "--wait"], ["sluice", "status"]]


@every_page
def test_variables_are_those_of_the_code(page: Path) -> None:
    code = "\n".join([*inline_code(page), *(block.text for block in blocks(page, "sh", "ini"))])
    assert {*_SETTING.findall(code)} - _written_in_code() <= _NOT_READ_YET


@cache
def _written_in_code() -> set[str]:
    files = [ROOT / path for path in python_files(*PACKAGES, "tests")] + [*(ROOT / "bin").iterdir()]
    here = ROOT / "tests" / "architecture" / "test_docs_prose.py"
    return {
        name for file in files if file != here for name in _SETTING.findall(file.read_text(encoding="utf-8").upper())
    }


@every_page
def test_files_and_tests_that_are_named_exist(page: Path) -> None:
    for named in filter(_FILE.match, inline_code(page)):
        path, _, test = named.partition("::")
        if _EXAMPLE not in path:
            assert (ROOT / path).exists(), named
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8") if test else True, named


def test_modules_in_the_picture_of_the_path_exist() -> None:
    (picture,) = blocks(DOCS / "explanation" / "the-path.md", "text")
    named = re.findall(r"[a-z_/]+(?:\.py|\.sql|/)(?=[,\s]|$)", picture.text)
    places = [ROOT, ROOT / "orchestrator", ROOT / "worker"]
    assert len(named) > len(places)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection.execute(sa.text(_PREPARED))
        yield connection
        connection.rollback()


_WITH_SQL = [page for page in PAGES if blocks(page, "sql") or any(map(_TOLD.match, inline_code(page)))]


@pytest.mark.parametrize("page", _WITH_SQL, ids=_name)
def test_sql_is_accepted_and_its_configs_work(connection: Connection, page: Path) -> None:
    for block in blocks(page, "sql"):
        connection.exec_driver_sql(block.text.replace("%", "%%"))
    for statement in filter(_TOLD.match, inline_code(page)):
        connection.exec_driver_sql(statement.replace("%", "%%"))
    configs = Configs(connection, _DEFAULTS)
    for config in list(configs.every()):
        configs.check_written(config["name"], now=Store(connection).clock())


def _of_language(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, language)]


@pytest.mark.parametrize("block", _of_language("yaml"), ids=str)
def test_configs_in_yaml_work(connection: Connection, tmp_path: Path, block: Block) -> None:
    file = tmp_path / "configs.yaml"
    file.write_text(block.text, encoding="utf-8")
    for form in read_configs(file):
        Configs(connection, _DEFAULTS).check(form, now=Store(connection).clock())


def test_json_is_json() -> None:
    for block in _of_language("json"):
        json.loads(block.text)


def test_documents_of_the_run_folder_are_what_the_code_reads() -> None:
    documents: list[type[BaseModel]] = [Fence, Plan, Manifest, Report]
    shown = blocks(REFERENCE / "run-folder.md", "json")
    for document, block in zip(documents, shown, strict=True):
        read = document.model_validate_json(block.text)
        assert json.loads(read.model_dump_json()) == json.loads(block.text)


def test_every_field_of_the_report_is_told() -> None:
    told = [word for cells in table(REFERENCE / "run-folder.md", "## `report-1.json`") for word in _words(cells[0])]
    assert told == list(Report.model_fields)


def test_env_contract_has_exactly_the_variables() -> None:
    told = [cells[0].strip("`") for cells in table(REFERENCE / "env-contract.md", "## The variables")]
    assert sorted(told) == sorted(VARIABLES)


def test_exit_codes_of_a_worker_are_those_of_the_code() -> None:
    told = {(cells[0].strip("`"), cells[1]) for cells in table(REFERENCE / "env-contract.md", "## How it ends")}
    assert told == {(str(code.value), code.name.lower().replace("_", " ")) for code in ExitCode}


def test_transitions_are_those_of_the_code() -> None:
    rows = table(REFERENCE / "run-states.md", "## Transitions")
    told = [(leaves.strip("`"), enters.strip("`")) for leaves, enters, _ in rows]
    assert sorted(told) == sorted((leaves, enters) for leaves, after in TRANSITIONS.items() for enters in after)


def test_kinds_of_error_in_the_how_to_are_those_of_the_code() -> None:
    told = {
        word
        for line in (DOCS / "how-to" / "read-a-failed-run.md").read_text(encoding="utf-8").splitlines()
        if line.endswith(("| yes |", "| no |", "asked for it |"))
        for word in _words(line.split("|")[1])
    }
    decided = "".join((ROOT / "orchestrator" / f"{name}.py").read_text() for name in ("decide", "settle"))
    assert told == {*ErrorKind, *re.findall(r'Failure\("(\w+)"', decided)}


def test_kinds_of_source_are_those_of_the_code() -> None:
    rows = table(REFERENCE / "sources" / "index.md", "# Sources")
    told = {_words(cells[0])[0]: cells for cells in rows}
    assert sorted(told) == sorted(kinds())
    for kind, (_, _, modes, has_range, metadata) in told.items():
        options = options_class(kind)
        assert _words(modes) == list(options.modes)
        assert (has_range, metadata) == (
            "yes" if options.has_range else "no",
            "on" if options.metadata_columns else "off",
        )


def test_load_modes_are_those_of_the_code() -> None:
    told = [_words(cells[0])[0] for cells in table(REFERENCE / "sources" / "index.md", "## Load modes")]
    assert sorted(told) == sorted(LoadMode)


def test_every_symptom_is_in_the_list_on_top() -> None:
    page = TROUBLESHOOT.read_text(encoding="utf-8")
    top, _, below = page.partition("\n## ")
    headings = {line for line in f"\n## {below}".splitlines() if line.startswith("## ")}
    listed = re.findall(r"\]\(#([^)]+)\)", top)
    assert len(listed) == len(set(listed)) == len(headings)
    assert set(listed) <= anchors(TROUBLESHOOT)


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """What is constant in the texts of the code, the longest stretches first."""
    trees = [ast.parse((ROOT / path).read_bytes()) for path in python_files("orchestrator", "worker")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    texts = {node.value.strip() for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted((text for text in texts if " " in text), key=len, reverse=True)


@pytest.mark.parametrize("block", blocks(TROUBLESHOOT, "text"), ids=str)
def test_message_under_a_symptom_is_one_of_the_code(sentences: list[str], block: Block) -> None:
    """What is left of it, once all that stands in the code is taken out, are the short values of one case."""
    left = block.text
    for sentence in sentences:
        left = left.replace(sentence, "\0")
    assert "\0" in left
    assert max(len(words.split()) for words in left.split("\0")) <= 3, left


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_changelog_names_every_migration() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert all(f"{number:04}" in changelog for number in range(1, int(migrations.HEAD) + 1))


@every_page
def test_page_names_nobodys_machine(page: Path) -> None:
    text: Any = page.read_text(encoding="utf-8")
    assert re.search(r"/(root|work|home/\w+)/", text) is None
