"""Logs: lines for a person on a terminal, else JSON lines in the shape that Cloud Logging reads. Always to stderr."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that moment: beside live progress it is another one."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Never another."""


def start_logging(level: str) -> None:
    """Send everything from `level` on to standard error; other libraries are heard from WARNING on."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    output = _Stderr()
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(sys.stderr.isatty())],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.getLogger("orchestrator").setLevel(level)


def _rendered(terminal: bool) -> list[Any]:  # noqa: FBT001 - private, and its name says it
    if terminal:
        return [structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))]
    return [
        structlog.processors.dict_tracebacks,
        _as_cloud_logging_reads,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _as_cloud_logging_reads(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {
        "severity": str(event.pop("level", "info")).upper(),
        "time": event.pop("timestamp", None),
        "message": event.pop("event", ""),
        **event,
    }
