"""Faults on demand: what a service does wrong, how often, and to which requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal, get_args

Kind = Literal["status", "slow", "cut_off", "garbage", "reset"]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, `times` times; with `times=None` until it is cleared.

    `match` is a part of the path or query, as it reads before percent-encoding.
    """

    service: str
    kind: Kind = "status"
    status: int = 503
    retry_after: float | None = None
    delay_seconds: float = 0.0
    times: int | None = 1
    match: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"fault: expected kind as one of {', '.join(get_args(Kind))}, got {self.kind!r}")


class Faults:
    """The faults that are still to happen; the oldest that matches a request happens first."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self._lock = Lock()

    def add(self, **fields: Any) -> None:  # noqa: ANN401  the fields of `Fault`, which names and checks them
        """Add `Fault(**fields)`: a status unless `kind` says otherwise."""
        fault = Fault(**fields)
        with self._lock:
            self._pending.append(fault)

    def take(self, service: str, target: str) -> Fault | None:
        """Return the fault for this request, which is then used up once."""
        with self._lock:
            for index, fault in enumerate(self._pending):
                if fault.service == service and fault.match in target:
                    self._use_up(index, fault)
                    return fault
        return None

    def pending(self) -> list[Fault]:
        with self._lock:
            return list(self._pending)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()

    def _use_up(self, index: int, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times > 1:
            self._pending[index] = replace(fault, times=fault.times - 1)
        else:
            del self._pending[index]
