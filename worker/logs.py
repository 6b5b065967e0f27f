"""Logs: lines for a person on a terminal, else JSON lines in the shape that Cloud Logging reads.

The end of the log is kept in memory too, for the run folder. Resolved secrets are masked in both.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from worker import secrets
from worker.contract.run_folder import LOG_TAIL_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("worker")
"""The worker's logger; what a line is about goes into `extra={"fields": {...}}`."""


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `severity`, `time`, `message`, and the fields of the line."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__()
        self.labels = labels

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "severity": record.levelname,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "message": record.getMessage(),
            **self.labels,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        # Masked before it is rendered: JSON would escape a secret's quotes and hide it from the mask.
        return json.dumps({name: _masked(value) for name, value in entry.items()}, ensure_ascii=False)


def _masked(value: object) -> object:
    return value if isinstance(value, int | float | None) else secrets.mask(str(value))


class LineFormatter(logging.Formatter):
    """One line for a person: time, level, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f"  {name}={value}" for name, value in getattr(record, "fields", {}).items())
        at = datetime.fromtimestamp(record.created, UTC)
        line = f"{at:%H:%M:%S} {record.levelname:<7} {record.getMessage()}{fields}"
        traceback = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return secrets.mask(line + traceback)


class LogTail(logging.Handler):
    """Keeps the last 256 KB of the log as JSON lines."""

    def __init__(self, formatter: JsonFormatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._lines: deque[bytes] = deque()
        self._size = 0

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode() + b"\n"
        self._lines.append(line)
        self._size += len(line)
        while self._size > LOG_TAIL_BYTES and len(self._lines) > 1:
            self._size -= len(self._lines.popleft())

    def content(self) -> bytes:
        """Return the lines kept so far."""
        return b"".join(self._lines)


def start_logging(level: str, labels: Mapping[str, str], *, stream: TextIO | None = None) -> LogTail:
    """Send the worker's log to a stream (standard error), and return its tail; `labels` stand in every JSON line.

    Other libraries are heard from WARNING on.
    """
    stream = stream or sys.stderr
    formatter = JsonFormatter(labels)
    visible = logging.StreamHandler(stream)
    visible.setFormatter(LineFormatter() if stream.isatty() else formatter)
    tail = LogTail(formatter)
    root = logging.getLogger()
    root.handlers[:] = [visible, tail]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    log.setLevel(level)
    return tail
