"""The worker's errors. Four kinds, each of which decides the next act and the exit code.

    WorkerError
    ├── ConfigurationError   a person must change something       exit 78, never tried again
    ├── Unavailable          the other side or the network        exit 75, tried again
    ├── Fenced               another execution holds the attempt  exit 76
    └── Cancelled            asked to stop                        exit 75
    anything else            nobody classified it: a bug          exit 70

A text reads: where: expected what, got value; do this. It never holds a secret.
"""

from __future__ import annotations

from worker.contract.exit_code import ExitCode
from worker.contract.report import ErrorKind


class WorkerError(Exception):
    """An error somebody has classified."""

    kind = ErrorKind.BUG
    exit_code = ExitCode.BUG

    def __init__(self, text: str, *, fingerprint: str = "") -> None:
        """Keep the text, and what is equal for the same cause in other configs (for example `host db.example`)."""
        super().__init__(text)
        self.fingerprint = fingerprint


class ConfigurationError(WorkerError):
    """A person must change something: the config, a permission, the source's shape."""

    kind = ErrorKind.CONFIGURATION
    exit_code = ExitCode.CONFIGURATION


class Unavailable(WorkerError):  # noqa: N818 - it names the fault
    """The other side, or the network, could not serve us now."""

    kind = ErrorKind.UNAVAILABLE
    exit_code = ExitCode.TRY_AGAIN


class Fenced(WorkerError):  # noqa: N818 - it names the fault
    """Another execution holds this attempt; nothing was touched."""

    exit_code = ExitCode.FENCED


class Cancelled(WorkerError):  # noqa: N818 - it names the fault
    """Asked to stop; whole units are published, the others not."""

    kind = ErrorKind.CANCELLED
    exit_code = ExitCode.TRY_AGAIN
