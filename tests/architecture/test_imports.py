"""The import rules that name what is allowed; those that name what is forbidden are import-linter's contracts."""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from typing import TYPE_CHECKING

import grimp

from tests.architecture.project import ROOT

if TYPE_CHECKING:
    from grimp import ImportGraph


@cache
def _graph() -> ImportGraph:
    return grimp.build_graph("orchestrator", "worker", include_external_packages=True)


def _imports_of(package: str) -> set[tuple[str, str]]:
    """Every (importer, imported) whose importer is in the package."""
    graph = _graph()
    importers = {package} | graph.find_descendants(package)
    return {
        (importer, imported) for importer in importers for imported in graph.find_modules_directly_imported_by(importer)
    }


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_orchestrator_imports_only_the_contract_of_the_worker() -> None:
    imports = {pair for pair in _imports_of("orchestrator") if _is_in(pair[1], "worker")}
    assert {pair for pair in imports if not _is_in(pair[1], "worker.contract")} == set()
    assert imports


def test_contract_needs_only_the_standard_library_pydantic_and_obstore() -> None:
    allowed = sys.stdlib_module_names | {"obstore", "pydantic", "pydantic_core", "worker"}
    assert {pair for pair in _imports_of("worker.contract") if pair[1].partition(".")[0] not in allowed} == set()


def test_contracts_of_import_linter_ignore_nothing() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert [contract["id"] for contract in contracts if contract.get("ignore_imports")] == []
