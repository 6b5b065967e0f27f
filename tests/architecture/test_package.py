"""What is installed is all of it: a file that is missing in the wheel is missed only in the image."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from tests.architecture.project import PACKAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

_NOT_SHIPPED = shutil.ignore_patterns("__pycache__")


def _build_wheel(folder: Path) -> Path:
    """Build it from a copy, since setuptools writes beside the sources."""
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=_NOT_SHIPPED)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip_wheel, "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_wheel_has_every_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    wheel = _build_wheel(tmp_path)
    source = tmp_path / "source"
    files = {
        str(path.relative_to(source))
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file()
    }
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == files
