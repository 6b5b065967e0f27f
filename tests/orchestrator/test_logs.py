"""The log's two shapes."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging
import structlog
from orchestrator.logs import start_logging

start_logging({level!r})
log = structlog.get_logger("orchestrator.tick")
log.debug("not shown")
log.info("tick", seconds=0.5, counts={{"launched": 2}})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it broke")
logging.getLogger("urllib3").info("not shown")
logging.getLogger("urllib3").warning("%s of another", "word")
"""


def _lines(level: str = "INFO") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_log_is_json_in_the_shape_of_cloud_logging() -> None:
    tick, broken, other = map(json.loads, _lines())
    assert tick.pop("time").endswith("Z")
    assert tick == {"severity": "INFO", "message": "tick", "seconds": 0.5, "counts": {"launched": 2}}
    assert (broken["severity"], broken["message"]) == ("ERROR", "it broke")
    assert "ZeroDivisionError" in json.dumps(broken["exception"])
    assert (other["severity"], other["message"]) == ("WARNING", "word of another")


def test_level_is_kept_also_by_other_libraries() -> None:
    assert [json.loads(line)["message"] for line in _lines("ERROR")] == ["it broke"]
