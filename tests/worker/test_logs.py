"""The log: for a person on a terminal, for Cloud Logging elsewhere, its end for the run folder."""

from __future__ import annotations

import io
import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from worker import secrets
from worker.contract.run_folder import LOG_TAIL_BYTES
from worker.logs import log, start_logging

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, levels = root.handlers[:], (root.level, log.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    log.setLevel(levels[1])


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_are_json_with_labels_and_fields() -> None:
    stream = io.StringIO()
    start_logging("INFO", {"run": "r1"}, stream=stream)
    log.warning("%d rows", 3, extra={"fields": {"rows": 3}})
    (entry,) = entries(stream)
    assert datetime.fromisoformat(entry.pop("time")).utcoffset() is not None
    assert entry == {"severity": "WARNING", "message": "3 rows", "run": "r1", "rows": 3}


def test_terminal_gets_a_line_for_a_person() -> None:
    stream = Terminal()
    start_logging("INFO", {"run": "r1"}, stream=stream)
    log.info("run succeeded", extra={"fields": {"rows": 3}})
    assert stream.getvalue().partition(" ")[2] == "INFO    run succeeded  rows=3\n"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_traceback_stays_with_its_line(stream: io.StringIO) -> None:
    start_logging("INFO", {}, stream=stream)
    log.error("a bug", exc_info=KeyError("id"))
    assert "a bug" in stream.getvalue()
    assert "KeyError: 'id'" in stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_secrets_are_masked_everywhere(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    monkeypatch.setattr(secrets, "_resolved", set())
    secrets.register('hun"ter22')
    tail = start_logging("INFO", {}, stream=stream)
    log.error('at hun"ter22', exc_info=KeyError('hun"ter22'), extra={"fields": {"url": 'hun"ter22'}})
    assert "ter22" not in stream.getvalue() + tail.content().decode()


@pytest.mark.parametrize(("level", "ours", "others"), [("DEBUG", 4, 2), ("WARNING", 2, 2), ("ERROR", 1, 1)])
def test_others_are_heard_from_warnings_on(level: str, ours: int, others: int) -> None:
    stream = io.StringIO()
    start_logging(level, {}, stream=stream)
    for logger in (log, logging.getLogger("urllib3")):
        for write in (logger.debug, logger.info, logger.warning, logger.error):
            write(logger.name)
    messages = [entry["message"] for entry in entries(stream)]
    assert (messages.count("worker"), messages.count("urllib3")) == (ours, others)


def test_tail_is_the_end_of_the_log_in_whole_lines() -> None:
    tail = start_logging("INFO", {}, stream=io.StringIO())
    for number in range(3000):
        log.info("%d %s", number, "x" * 100)
    lines = tail.content().splitlines()
    assert len(tail.content()) <= LOG_TAIL_BYTES < len(tail.content()) + 300
    assert json.loads(lines[0])["message"].endswith("x")
    assert json.loads(lines[-1])["message"].startswith("2999 ")
