"""Whatever outgrows its budget hides a noun that should have a file or a function of its own."""

from __future__ import annotations

from tests.architecture.project import PACKAGES, ROOT, functions, python_files

_SOURCE_FILE_LINES = 300
_TEST_FILE_LINES = 600
_FUNCTION_LINES = 50
# They say that something is here, and not what.
_EMPTY_WORDS = {
    "base",
    "common",
    "core",
    "handler",
    "handlers",
    "helper",
    "helpers",
    "manager",
    "misc",
    "util",
    "utils",
}


def _too_long(limit: int, *folders: str) -> dict[str, int]:
    sizes = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in python_files(*folders)}
    return {path: size for path, size in sizes.items() if size > limit}


def test_source_files_are_short() -> None:
    assert _too_long(_SOURCE_FILE_LINES, *PACKAGES, "benchmarks") == {}


def test_test_files_are_short() -> None:
    assert _too_long(_TEST_FILE_LINES, "tests") == {}


def test_functions_are_short() -> None:
    sizes = {
        f"{path}:{function.lineno} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in python_files(*PACKAGES, "benchmarks", "tests")
        # The columns of a table are one list.
        if not path.is_relative_to("migrations/versions")
        for function in functions(path)
    }
    assert {name: size for name, size in sizes.items() if size > _FUNCTION_LINES} == {}


def test_names_of_modules_say_what_is_inside() -> None:
    names = {
        str(path): {word for part in path.with_suffix("").parts for word in part.split("_")}
        for path in python_files(*PACKAGES, "tests")
    }
    assert [path for path, words in names.items() if words & _EMPTY_WORDS] == []
