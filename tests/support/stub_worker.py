"""A worker that does what `ACT` says, so that a launcher's own promises can be tested; needs the standard library only.

exit CODE        ends with this code
kill SIGNAL      ends by this signal
dump PATH        writes its environment to a file
hold PATH        writes its process id to a named pipe, then ends with 75 when asked to
defy PATH        the same, but does not end when asked to
leave PATH       the same as `exit 0`, but a child of it that stays writes its process id to the named pipe
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path


def main() -> None:
    act, _, argument = os.environ["ACT"].partition(" ")
    print("acting", flush=True)  # noqa: T201 - so that there is output
    if act == "exit":
        sys.exit(int(argument))
    if act == "kill":
        os.kill(os.getpid(), int(argument))
    if act == "dump":
        Path(argument).write_text(json.dumps(dict(os.environ)), encoding="utf-8")
    if act == "leave" and os.fork():
        return
    if act in {"hold", "defy", "leave"}:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if act == "defy" else lambda *_: sys.exit(75))
        Path(argument).write_text(str(os.getpid()), encoding="utf-8")
        while True:
            signal.pause()


main()
