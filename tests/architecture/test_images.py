"""What can be told of the images without building them."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from tests.architecture.project import ROOT

_IMAGES = ["orchestrator", "worker"]
_PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _instructions(image: str) -> list[tuple[str, str]]:
    """The (name, argument) of each instruction of the image's Dockerfile, continued lines joined."""
    text = (ROOT / f"Dockerfile.{image}").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, argument) for name, _, argument in (line.partition(" ") for line in lines)]


def _final_stage(image: str) -> dict[str, str]:
    """The last argument of each instruction of the stage that is shipped."""
    instructions = _instructions(image)
    start = max(index for index, (name, _) in enumerate(instructions) if name == "FROM")
    return dict(instructions[start:])


def _arguments(image: str, instruction: str) -> list[str]:
    return [argument for name, argument in _instructions(image) if name == instruction]


def _names(requirements: list[str]) -> set[str]:
    return {match[0].lower() for line in requirements if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))}


def _locked(image: str) -> set[str]:
    return _names((ROOT / "requirements" / f"{image}.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("image", _IMAGES)
def test_base_image_is_an_argument(image: str) -> None:
    assert _instructions(image)[0] == ("ARG", "BASE_IMAGE=python:3.11-slim-bookworm")
    assert {base.split()[0] for base in _arguments(image, "FROM")} == {"${BASE_IMAGE}"}


@pytest.mark.parametrize("image", _IMAGES)
def test_user_is_a_number_and_not_root(image: str) -> None:
    user, group = _final_stage(image)["USER"].split(":")
    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize("image", _IMAGES)
def test_installs_are_locked_or_local(image: str) -> None:
    commands = [command for run in _arguments(image, "RUN") for command in run.split("&&")]
    installs = [command for command in commands if " pip install " in command or "/pip install " in command]
    locked = [install for install in installs if "--require-hashes -r requirements/" in install]
    local = [install for install in installs if "--no-index --no-deps dist/" in install]
    assert len(locked) == len({"installer", image})
    assert len(local) == 1
    assert len(installs) == len(locked) + len(local)


@pytest.mark.parametrize("image", _IMAGES)
def test_entrypoint_is_a_program_of_the_project(image: str) -> None:
    (program,) = json.loads(_final_stage(image)["ENTRYPOINT"])
    assert _PROJECT["scripts"][program] == f"{image}.cli:main"


@pytest.mark.parametrize("image", _IMAGES)
def test_copied_files_exist_and_are_sent_to_the_builder(image: str) -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")}
    copied = [source for copy in _arguments(image, "COPY") if "--from" not in copy for source in copy.split()[:-1]]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert {source.split("/")[0] for source in copied} <= sent


@pytest.mark.parametrize(("image", "other"), [("orchestrator", "worker"), ("worker", "orchestrator")])
def test_lock_has_what_the_image_needs_and_nothing_of_the_other(image: str, other: str) -> None:
    extras = _PROJECT["optional-dependencies"]
    own = _names(extras[image]) | _names(_PROJECT["dependencies"])
    assert own <= _locked(image)
    assert _locked(image) & (_names(extras[other]) - own) == set()


@pytest.mark.parametrize("image", _IMAGES)
def test_lock_is_a_part_of_what_is_tested(image: str) -> None:
    pins = {
        name: {
            line
            for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
            if "==" in line
        }
        for name in (image, "dev", "demo")
    }
    assert pins[image]
    assert pins[image] <= pins["dev"]
    assert pins[image] <= pins["demo"] <= pins["dev"]


@pytest.mark.parametrize("lock", ["demo", "dev", "installer", "orchestrator", "worker"])
def test_lock_names_no_index_and_has_a_hash_for_everything(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    requirements = text.replace("\\\n", "").splitlines()
    assert [line for line in requirements if line and not line.startswith("#") and "--hash=sha256:" not in line] == []
