"""What starts executions of the worker. `launchers/` has the implementations.

A launcher's calls are network calls or may be: none is made inside a transaction, and each has a deadline of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.model import Handle, Observation, Run


class LaunchRefused(Exception):  # noqa: N818 - it names what happened
    """Nothing was started, and that is certain; the text says why and what to do."""


class LaunchUnclear(Exception):  # noqa: N818 - it names what happened
    """Nobody knows whether one was started: the run stays `launching` until its deadline, then `find` tells."""


class Launcher(Protocol):
    """Starts executions, finds them again, looks at them and ends them."""

    def launch(self, run: Run, environment: Mapping[str, str]) -> Handle:
        """Start one execution of the run's attempt with exactly this environment added to the worker's own.

        Raises:
            LaunchRefused: nothing was started.
            LaunchUnclear: it may have been started.
        """
        ...

    def find(self, run: Run) -> Handle | None:
        """Return the execution of the run's attempt: the one that holds its fence, else one that was started for it."""
        ...

    def observe(self, handles: Sequence[Handle]) -> Mapping[Handle, Observation]:
        """Look at executions in as few calls as possible; a look that fails is `Phase.UNKNOWN`, not an error."""
        ...

    def cancel(self, handle: Handle) -> None:
        """Ask an execution to end, and make it end if it does not; asking twice, or too late, is no error.

        It returns when it has asked, not when the execution has ended: `observe` tells that.
        """
        ...
