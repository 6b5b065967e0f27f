"""The tutorial, typed as it stands: every command works, and says what the page says that it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from orchestrator.embedded_home import installed_binaries
from tests.support.documents import DOCS, Block, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = DOCS / "tutorial.md"
MAKES_THE_ENVIRONMENT = "bin/environment demo"
IN_TERMINALS_OF_THEIR_OWN = ("sluice sandbox", "sluice serve")
_SESSION = r"""
trap 'kill $(jobs -p); wait' EXIT
await() { for _ in $(seq 600); do if grep -qs "$2" "$1"; then return; fi; sleep 0.1; done; echo "no $2 in $1"; exit 1; }
"""
_READY = {"sluice sandbox": "await .env NO_PROXY", "sluice serve": "await {output} listening"}
_MASKS = (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b[0-9a-f]{8}\b", "ID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "TIME"),
    (r"\d\d-\d\d \d\d:\d\dZ", "TIME"),
    (r"\b\d+\.\d+s\b", "SECONDS"),
    (r"(http://127\.0\.0\.1):\d+", r"\1"),
    (r"[─-╿]", " "),
)
_OF_TERMINALS = re.compile(r"^(run config state|error: \w+: )")
"""What is printed on a terminal alone: the header of a live table, and which config an error is of."""


def _seen(line: str) -> str:
    """Return a line as it is the same each time, on a terminal or not."""
    for pattern, instead in _MASKS:
        line = re.sub(pattern, instead, line)
    return " ".join(line.split())


def _steps() -> Iterator[tuple[Block, list[str]]]:
    """Yield each block of commands with the lines that the page says it prints."""
    written = blocks(PAGE, "sh", "text")
    for block, after in zip(written, [*written[1:], None], strict=True):
        if block.language == "sh":
            said = after.text.splitlines() if after and after.language == "text" else []
            yield block, said


def _session(folder: Path) -> str:
    """Return the page's commands as one shell's, each block's output in a file of its own."""
    lines = [_SESSION]
    for block, _ in _steps():
        output = folder / f"{block.line}.txt"
        start = next((start for start in IN_TERMINALS_OF_THEIR_OWN if block.text.startswith(start)), None)
        if start:
            redirected = "" if ">" in block.text else f" > {output}"
            lines += [f"{block.text.strip()}{redirected} 2>&1 &", _READY[start].format(output=output)]
        elif MAKES_THE_ENVIRONMENT not in block.text:
            lines.append(f"{{\n{block.text}}} > {output} 2>&1")
    return "\n".join(lines)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    programs = [str(Path(sys.executable).parent), os.environ["PATH"], str(installed_binaries())]
    return {"PATH": os.pathsep.join(programs), "HOME": str(tmp_path), "PORT": "0"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "first-loads"
    folder.mkdir()
    yield folder
    for process in psutil.process_iter(["cwd"]):
        with suppress(psutil.Error):
            assert process.info["cwd"] != str(folder), f"{process} is left running"


@pytest.mark.timeout(300)  # a dozen commands, each a process of its own: no haste on a busy machine
def test_tutorial_does_what_it_says(home: Path, environment: dict[str, str], tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "-c", _session(tmp_path)], cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    for block, said in _steps():
        printed = tmp_path / f"{block.line}.txt"
        wanted = [line for line in map(_seen, said) if line and not re.match("run config state", line)]
        got = "\n".join(map(_seen, printed.read_text().splitlines())) if wanted else ""
        for line in wanted:
            words = _OF_TERMINALS.sub("", line).partition("…")[0].strip()
            assert words in got, f"{block}: expected {line!r}, got:\n{printed.read_text()}"


def test_tutorial_shows_what_most_steps_print() -> None:
    assert sum(bool(said) for _, said in _steps()) >= len(list(_steps())) * 2 // 3
