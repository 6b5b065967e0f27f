"""`python -m sandbox`: serve until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event

from sandbox.server import DATA, Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve, tell where, and stop on a signal."""
    parser = _parser()
    options = parser.parse_args(arguments)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        sandbox = Sandbox(options.data)
    except (NotADirectoryError, ValueError) as error:
        parser.error(str(error))
    with sandbox:
        if options.port_file:
            _write_whole(options.port_file, json.dumps(sandbox.environment, indent=2) + "\n")
        else:
            _print(_lines(sandbox) if options.print_env else [*_summary(sandbox), *_lines(sandbox)])
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="folder with sheets/*.csv and stocks/*.csv"
    )
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--port-file", type=Path, metavar="FILE", help="write the environment there as a JSON object")
    told.add_argument(
        "--print-env", action="store_true", help="print the environment as KEY=value lines, and nothing else"
    )
    return parser


def _lines(sandbox: Sandbox) -> list[str]:
    return [f"{name}={value}" for name, value in sandbox.environment.items()]


def _summary(sandbox: Sandbox) -> list[str]:
    sheets = [f"  {file.url}  tabs: {', '.join(tab.title for tab in file.tabs)}" for file in sandbox.sheets]
    symbols = [f"  {symbol.symbol}  {len(symbol.bars)} days" for symbol in sandbox.yahoo]
    return ["Spreadsheets:", *sheets, "Symbols:", *symbols, "Environment of a process that is to use them:"]


def _print(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _write_whole(path: Path, text: str) -> None:
    """Write so that whoever waits for the file never reads half of it."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
