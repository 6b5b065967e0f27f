"""One Postgres server: found, started and stopped, by the process id that it leaves in its data folder.

The callers see to it that only one of them is at it at a time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil

from orchestrator.embedded_home import EmbeddedPostgresError, private_folder

if TYPE_CHECKING:
    from orchestrator.embedded_home import Home

# A start after a crash replays the write-ahead log first; a stop writes what is not yet on disk.
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.005
_PORT = 5432
# The shortest limit among the systems we run on is macOS'; Linux allows 107.
_SOCKET_PATH_BYTES = 103
# Not TMPDIR, which may differ among those who share the server.
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 - `private_folder` checks whose the folder in it is
_INITDB = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
)
_DURABILITY_OFF = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
# In the background of a shell that ends: so the server is a child of nobody who might end before it.
_DETACHED = '"$@" >"$0" 2>&1 </dev/null & echo $!'


class PostgresServer:
    """The server of one home."""

    def __init__(self, home: Home) -> None:
        """Look at nothing yet."""
        self._home = home
        self._data = home.folder / "data"
        self._log = home.folder / "log"
        self._pid_file = self._data / "postmaster.pid"

    @property
    def url(self) -> str:
        """The address of the database `postgres`; nothing in it is secret."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._socket.parent))}&port={_PORT}"

    def find(self) -> int | None:
        """Return the process id of the running server, or None; one that is starting or stopping is waited for."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (pid := self._recorded_pid()) and self._is_server(pid):
            if self._recorded_status() == "ready":
                return pid
            if time.monotonic() > deadline:
                raise self._failure(f"process {pid} is neither ready nor gone after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        return None

    def start(self, *, durable: bool) -> None:
        """Start the server, which must not run, and return when it answers; its data is made when there is none.

        Raises:
            EmbeddedPostgresError: It did not start; the message ends with what its log says.
        """
        if not self._data.exists():
            self._make_data(durable=durable)
        self._remove_stale_locks()
        if self._socket.parent != self._home.folder:
            private_folder(self._socket.parent, self._home)
        pid = int(self._run("/bin/sh", "-c", _DETACHED, self._log, *self._command(durable=durable)))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._recorded_pid() != pid or self._recorded_status() != "ready":
            if not _is_alive(pid):
                # Unless one that a killed process had left starting was there first.
                if self.find() is not None:
                    return
                raise self._failure("it ended at its start")
            if time.monotonic() > deadline:
                raise self._failure(f"it is not ready after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Disconnect all clients, roll back what they had open, and return when the server is gone."""
        pid = self.find()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _is_alive(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _command(self, *, durable: bool) -> list[str | Path]:
        return [
            self._home.binaries / "postgres",
            *("-D", self._data, "-k", self._socket.parent, "-p", str(_PORT)),
            *("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"),
            *(() if durable else _DURABILITY_OFF),
        ]

    @property
    def _socket(self) -> Path:
        """In the home; when that is too long a path for a socket, in a folder that is named by the path's hash."""
        socket = self._home.folder / f".s.PGSQL.{_PORT}"
        if len(os.fsencode(socket)) <= _SOCKET_PATH_BYTES:
            return socket
        name = hashlib.sha256(os.fsencode(self._home.folder)).hexdigest()[:16]
        return _SHORT_FOLDER / f"sluice-{name}" / socket.name

    def _make_data(self, *, durable: bool) -> None:
        """Make the data folder, whole or not at all."""
        unfinished = self._home.folder / "data-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._run(self._home.binaries / "initdb", "-D", unfinished, *_INITDB, *(() if durable else ("--no-sync",)))
        unfinished.rename(self._data)

    def _run(self, *command: str | Path) -> str:
        """Run a program as the server's user, without our environment, and return what it prints."""
        as_root = os.geteuid() == 0
        try:
            done = subprocess.run(
                command,
                cwd=self._home.folder,
                env={"PATH": os.defpath, "TZ": "UTC"},
                start_new_session=True,
                user=self._home.user if as_root else None,
                group=self._home.group if as_root else None,
                extra_groups=[] if as_root else None,
                capture_output=True,
                text=True,
                check=True,
            )
        except OSError as error:
            raise self._failure(str(error)) from error
        except subprocess.CalledProcessError as error:
            raise self._failure(error.stderr) from error
        return done.stdout

    def _recorded_pid(self) -> int | None:
        lines = self._pid_file_lines()
        return int(lines[0]) if lines else None

    def _recorded_status(self) -> str:
        """Line 8 of the file: `starting`, `stopping`, `ready` or `standby`."""
        return "".join(self._pid_file_lines()[7:8]).strip()

    def _pid_file_lines(self) -> list[str]:
        try:
            return self._pid_file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _is_server(self, pid: int) -> bool:
        """Whether the process is this server, and not another that was given its id after a crash or a reboot.

        A server whose folder was moved is not known by its command, but still by its socket, which moved along.
        """
        try:
            command = psutil.Process(pid).cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return str(self._data) in command or self._answers()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self._socket)) == 0

    def _remove_stale_locks(self) -> None:
        """Postgres sees by itself that a process is gone, but neither that it is a zombie nor that its id is another's.

        That a child of the dead server may still be at the data, Postgres sees by its shared memory.
        """
        if (pid := self._recorded_pid()) and psutil.pid_exists(pid):
            self._pid_file.unlink()
        self._socket.with_name(f"{self._socket.name}.lock").unlink(missing_ok=True)

    def _failure(self, what: str) -> EmbeddedPostgresError:
        log = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        tail = "".join(f"\n  {line}" for line in log.splitlines()[-5:])
        return EmbeddedPostgresError(
            f"embedded Postgres in {self._home.folder}: expected a running server, got: {what.strip()}; "
            f"see {self._log}, or set DATABASE_URL to a Postgres of yours{tail}"
        )


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
