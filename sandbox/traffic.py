"""What was asked of the stand-ins: counted by service, and worth waiting for."""

from __future__ import annotations

from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.web import Request


class Traffic:
    """Every request that arrived, in order; safe to read while servers answer."""

    def __init__(self) -> None:
        self._requests: list[tuple[str, Request]] = []
        self._arrived = Condition()

    def record(self, service: str, request: Request) -> None:
        with self._arrived:
            self._requests.append((service, request))
            self._arrived.notify_all()

    def of(self, service: str, match: str = "") -> list[Request]:
        """Return the requests of `service` whose path or query contains `match`, oldest first."""
        with self._arrived:
            return self._of(service, match)

    def count(self, service: str, match: str = "") -> int:
        return len(self.of(service, match))

    def counts(self) -> dict[str, int]:
        """Return the number of requests of each service that was asked at all."""
        with self._arrived:
            names = [service for service, _ in self._requests]
        return {name: names.count(name) for name in sorted(set(names))}

    def wait(self, service: str, count: int, *, match: str = "", timeout_seconds: float = 10.0) -> None:
        """Return when `count` such requests have arrived; raise `TimeoutError` if they have not in time."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._of(service, match)) >= count, timeout_seconds):
                arrived = len(self._of(service, match))
                raise TimeoutError(f"{service}: expected {count} requests in {timeout_seconds} s, got {arrived}")

    def clear(self) -> None:
        with self._arrived:
            self._requests.clear()

    def _of(self, service: str, match: str) -> list[Request]:
        return [request for name, request in self._requests if name == service and match in request.target]
