"""`bin/demo`: start it all, load, change the source, load again, compare, and say what happened.

It exits 0 only if everything came out as it must.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from importlib.resources import files

import psycopg2

from demo import source, verdict
from demo.stage import LIMIT, Stage, stage


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it serving until Ctrl-C, and print the address")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell starts what runs in its background with SIGINT ignored.
        signal.signal(number, signal.default_int_handler)
    started = time.monotonic()
    try:
        with stage() as ready:
            found = _perform(ready)
            seconds = time.monotonic() - started
            good = len(found.lines) - found.failed
            print(f"\n{good} of {len(found.lines)} as they must be, in {seconds:.0f} s.")
            _what_to_try(ready)
            if options.keep:
                _keep(ready)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
        return 130
    return 1 if found.failed else 0


def _perform(ready: Stage) -> verdict.Verdict:
    found = verdict.Verdict()
    _title("A source database with January's flights; the last day's are held back")
    source.fill(ready.source_url)
    _show_counts(ready)
    _title("A config by plain SQL, and twenty years of it asked for")
    _execute(ready, "stocks.sql")
    ready.post("/configs/stocks/backfill", {"start_date": "1999-01-04", "end_date": "2018-12-31"})
    _title("More configs, while that is running")
    _execute(ready, "configs.sql")
    _title("What a tick would do now")
    ready.sluice("tick", "--dry-run")
    _title(f"A tick, {LIMIT} loads at a time")
    ready.sluice("tick", "--wait", check=False)
    ready.sluice("runs", "list")
    verdict.check_runs(ready, found)
    verdict.check_rows(ready, found)
    _title("More flights in the source; only those are appended")
    added = source.add_flights(ready.source_url)
    print(f"  {added} flights added")
    ready.sluice("run", "flights", "--wait")
    verdict.check_appended(ready, found, added)
    _title("What Slack got")
    _show_messages(ready)
    verdict.check_messages(ready, found)
    return found


def _execute(ready: Stage, name: str) -> None:
    text = files("demo").joinpath(name).read_text()
    print(text)
    with psycopg2.connect(ready.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(text)


def _show_counts(ready: Stage) -> None:
    for table, rows in source.count(ready.source_url).items():
        print(f"  {table:10} {rows:7} rows")


def _show_messages(ready: Stage) -> None:
    for message in ready.sandbox.slack.messages:
        print(f"  {message.channel}: {message.text}")


def _what_to_try(ready: Stage) -> None:
    print(f"\nThe rows are in {ready.warehouse}. Try:\n")
    query = (
        "select dest, count(*), round(avg(arr_delay), 1) as delay from air.flights group by 1 order by 2 desc limit 5"
    )
    print(f"  .venv/bin/python -c \"import duckdb; print(duckdb.connect('{ready.warehouse}').sql('{query}'))\"")


def _keep(ready: Stage) -> None:
    print(f"\nServing at {ready.api_url} (its API at /docs); Ctrl-C ends it. The orchestrator's database:")
    print(f"  {ready.database_url}", flush=True)
    signal.pause()


def _title(text: str) -> None:
    print(f"\n── {text} {'─' * max(0, 100 - len(text))}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
