"""A process that has imported much, and forks a real process for each one that a test wants.

Its arguments are the modules to import; without any, those of a worker.
It reads a line of JSON per request and answers with one: `{"call": "module:function", ...}` starts a process,
`{"wait": pid}` waits for its end. An interpreter with Arrow takes longer to start than most tests to run.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from worker.lean_arrow import spare_pandas

_OF_WORKER = (
    "duckdb",
    "psutil",
    "pyarrow.compute",
    "pyarrow.parquet",
    "tenacity",
    "tests.support.sources.rows",
    "tests.support.worker_main",
    "worker.batches",
    "worker.cli",
    "worker.destinations.duckdb.publish",
    "worker.load",
    "worker.preview",
    "worker.stage",
)


def main() -> None:
    """Serve until standard input ends."""
    for module in sys.argv[1:] or _OF_WORKER:
        import_module(module)
    spare_pandas()
    for line in sys.stdin:
        request = json.loads(line)
        answer = _waited(request["wait"]) if "wait" in request else _started(request)
        print(json.dumps(answer), flush=True)  # noqa: T201 - this is the answer


def _waited(pid: int) -> dict[str, int]:
    return {"code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}


def _started(request: dict[str, Any]) -> dict[str, int]:
    pid = os.fork()
    if pid:
        return {"pid": pid}
    try:
        code = _called(request)
    except SystemExit as asked:
        code = int(asked.code or 0)
    except BaseException:  # noqa: BLE001 - whatever it is, the process ends here and says so
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _called(request: dict[str, Any]) -> int:
    """Become the process that was asked for."""
    os.environ.clear()
    os.environ.update(request["environment"])
    with Path(request["output"]).open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    module, _, function = request["call"].partition(":")
    return int(getattr(import_module(module), function)(*request["arguments"]))


if __name__ == "__main__":
    main()
