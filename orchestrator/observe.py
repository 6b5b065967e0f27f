"""Look at live runs: the launcher's word, the fence, the report. Network, read only, before any transaction.

Two acts belong to looking, and a dry run leaves both out: asking an execution to end that somebody wants cancelled, and
revoking the fence of an attempt whose execution ended without taking it, so that no late twin may act.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from orchestrator.decide import Evidence
from orchestrator.model import Observation, Phase, Run
from worker.contract.failpoint import reach
from worker.contract.run_folder import CorruptDocument, RunFolder

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from orchestrator.launcher import Launcher
    from orchestrator.model import Handle

_READERS = 8
_GONE = Observation(Phase.VANISHED, detail="it was never started")
_UNKNOWN = Observation(Phase.UNKNOWN)
OVERDUE = timedelta(minutes=15)
"""So long after its timeout an execution is over for certain, although nobody can look at it: its place ends it."""

log = structlog.get_logger()


@dataclass(slots=True)
class Seen:
    """What looking came to."""

    evidence: dict[uuid.UUID, Evidence] = field(default_factory=dict)
    unanswered: list[Run] = field(default_factory=list)
    """Launches that nobody answered and whose execution cannot be found: to be launched again, as the same attempt."""


class Observer:
    """Gathers evidence about live runs through a launcher."""

    def __init__(self, launcher: Launcher, *, read_only: bool = False) -> None:
        """Look through this launcher; `read_only` for a dry run."""
        self._launcher = launcher
        self._read_only = read_only

    def look(self, runs: Sequence[Run], *, now: datetime) -> Seen:
        """Gather evidence about each run; whatever cannot be read is `unknown` and changes nothing."""
        seen = Seen()
        for run in runs:
            if run.handle is None and run.launch_deadline_at and run.launch_deadline_at <= now:
                self._find(run, seen)
        launched = [run for run in runs if run.handle is not None]
        observed = self._launcher.observe([run.handle for run in launched if run.handle])
        pairs = [(run, _certain(run, observed.get(run.handle, _UNKNOWN), now)) for run in launched if run.handle]
        with ThreadPoolExecutor(_READERS) as readers:
            for run, evidence in zip(launched, readers.map(self._weigh, pairs), strict=True):
                seen.evidence[run.id] = evidence
        return seen

    def _find(self, run: Run, seen: Seen) -> None:
        """A launch that was not answered in time: adopt what is found, close it if it is to be cancelled."""
        try:
            handle = self._launcher.find(run)
        except CorruptDocument as error:  # nobody can take this fence any more, and it stays so
            seen.evidence[run.id] = Evidence(replace(_GONE, detail=str(error)))
            return
        except Exception:  # whatever is wrong with one launch harms no other run, and the next tick looks again
            log.exception("launch could not be looked up", run=str(run.id))
            return
        if handle:
            seen.evidence[run.id] = Evidence(Observation(Phase.RUNNING), holder=handle)
        elif run.cancel_requested_at:
            seen.evidence[run.id] = self._safely(run, _GONE)
        else:
            seen.unanswered.append(run)

    def _weigh(self, pair: tuple[Run, Observation]) -> Evidence:
        run, observation = pair
        if observation.phase is Phase.RUNNING and run.cancel_requested_at and run.handle and not self._read_only:
            self._ask_to_end(run, run.handle)
        if observation.phase in {Phase.RUNNING, Phase.UNKNOWN}:
            return Evidence(observation)
        return self._safely(run, observation)

    def _ask_to_end(self, run: Run, handle: Handle) -> None:
        try:
            self._launcher.cancel(handle)
        except Exception:  # whatever is wrong with one execution harms no other run, and the next tick asks again
            log.exception("execution could not be asked to end", run=str(run.id))

    def _safely(self, run: Run, observation: Observation) -> Evidence:
        try:
            return self._close(run, observation)
        except CorruptDocument as error:
            return Evidence(replace(observation, detail=f"{observation.detail} {error}".strip()))
        except Exception:  # a look that fails is no failed run, and harms no other
            log.exception("run folder could not be read", run=str(run.id))
            return Evidence(_UNKNOWN)

    def _close(self, run: Run, observation: Observation) -> Evidence:
        """Make sure that nobody acts for this attempt any more, and read what its holder left."""
        folder = RunFolder(str(run.spec.run_folder))
        fence = folder.fence(run.attempt)
        if fence is None and (self._read_only or folder.revoke(run.attempt)):
            reach("observe.after_revoke")
            return Evidence(observation, revoked=True)
        if fence and fence.revoked:
            return Evidence(observation, revoked=True)
        return Evidence(observation, report=folder.report(run.attempt), holder=self._launcher.find(run))


def _certain(run: Run, observation: Observation, now: datetime) -> Observation:
    """Return the observation, or, of an execution that nobody could look at for too long, that it is gone."""
    if observation.phase is not Phase.UNKNOWN or run.started_at is None or now < run.started_at + run.timeout + OVERDUE:
        return observation
    detail = f"{observation.detail or 'it could not be looked at'}, and its timeout is long over"
    return replace(observation, phase=Phase.VANISHED, detail=detail)
