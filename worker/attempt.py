"""One launch of a run, as the environment names it, and its right to act."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from worker.contract.run_folder import Fence, RunFolder
from worker.errors import ConfigurationError, Fenced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt and the run folder that it writes into."""

    run_id: str
    number: int
    folder: RunFolder
    started_at: datetime
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)


@contextmanager
def opened_attempt(environment: Mapping[str, str]) -> Iterator[Attempt]:
    """Open the attempt that the environment names; one started by hand gets a random run and a folder for its lifetime.

    Raises:
        ConfigurationError: `RUN_ATTEMPT` is no number.
    """
    number = environment.get("RUN_ATTEMPT") or "1"
    if not number.isdecimal() or int(number) < 1:
        raise ConfigurationError(f"RUN_ATTEMPT: expected a whole number from 1, got {number!r}; correct it")
    run_id = environment.get("RUN_ID") or str(uuid.uuid4())
    with _folder_url(environment) as url:
        yield Attempt(run_id, int(number), RunFolder(url), datetime.now(UTC))


@contextmanager
def _folder_url(environment: Mapping[str, str]) -> Iterator[str]:
    if url := environment.get("RUN_FOLDER"):
        yield url
        return
    with TemporaryDirectory(prefix="sluice-run-", ignore_cleanup_errors=True) as folder:
        yield f"file://{folder}"


def take_fence(attempt: Attempt, execution: str = "") -> None:
    """Take the right to act for the attempt.

    Raises:
        Fenced: another process has it, or the orchestrator has revoked it.
    """
    fence = Fence(nonce=attempt.nonce, execution=execution or _this_process(), at=datetime.now(UTC))
    standing = attempt.folder.take_fence(attempt.number, fence)
    if standing.nonce != attempt.nonce:
        holder = "the orchestrator, which revoked it" if standing.revoked else standing.execution
        raise Fenced(
            f"run {attempt.run_id}, attempt {attempt.number}: expected to be the only one to act,"
            f" got a fence held by {holder} since {standing.at:%Y-%m-%d %H:%M:%S %Z}; nothing was touched"
        )


def _this_process() -> str:
    """Name a process that no launcher has named; the fence's nonce tells it from a later one with the same number."""
    return f"{socket.gethostname()}/{os.getpid()}"
