"""The sandbox's own pages, so that a program in another process can look at it and break it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from sandbox.web import Reply, Request, json_reply, text_reply

if TYPE_CHECKING:
    from sandbox.faults import Faults
    from sandbox.slack.service import Slack
    from sandbox.traffic import Traffic


class Control:
    """`GET /_messages`, `GET|POST|DELETE /_faults` and `GET /_requests`."""

    name: ClassVar[str] = "sandbox"
    prefixes: ClassVar[tuple[str, ...]] = ("/_",)

    def __init__(self, slack: Slack, faults: Faults, requests: Traffic, violations: list[str]) -> None:
        self._slack = slack
        self._faults = faults
        self._requests = requests
        self._violations = violations

    def answer(self, request: Request) -> Reply:
        page = (request.method, request.path)
        if page == ("GET", "/_messages"):
            return json_reply({"messages": [asdict(message) for message in self._slack.messages]})
        if page == ("GET", "/_requests"):
            return json_reply({"requests": self._requests.counts(), "violations": self._violations})
        if request.path == "/_faults" and request.method in ("GET", "POST", "DELETE"):
            return self._change_faults(request)
        return self.refusal(404)

    def refusal(self, status: int) -> Reply:
        return text_reply(f"Error {status}\n", status)

    def _change_faults(self, request: Request) -> Reply:
        try:
            if request.method == "POST":
                self._faults.add(**json.loads(request.body))
        except (TypeError, ValueError) as error:
            return json_reply({"error": str(error)}, 400)
        if request.method == "DELETE":
            self._faults.clear()
        return json_reply({"faults": [asdict(fault) for fault in self._faults.pending()]})
