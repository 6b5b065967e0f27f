"""PgQueuer: put COUNT jobs in, take them out in batches of BATCH. Prints the seconds. Run with .venv-benchmarks."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import asyncpg
from pgqueuer.queries import EntrypointExecutionParameter, Queries
from pgqueuer.types import QueueManagerId

URL, COUNT, BATCH = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main() -> float:
    """Put in, take out, and return the seconds."""
    parts = urlsplit(URL)
    where = {key: values[0] for key, values in parse_qs(parts.query).items()}
    connection = await asyncpg.connect(
        host=where["host"], port=int(where["port"]), user=parts.username, database=parts.path[1:]
    )
    queries = Queries.from_asyncpg_connection(connection)
    await queries.install()
    everything = {"load": EntrypointExecutionParameter(concurrency_limit=0)}
    manager = QueueManagerId(uuid.uuid4())
    began = time.perf_counter()
    await queries.enqueue(["load"] * COUNT, [str(number).encode() for number in range(COUNT)], [0] * COUNT)
    taken = 0
    while jobs := await queries.dequeue(BATCH, everything, manager, None, timedelta(seconds=60)):
        taken += len(jobs)
    assert taken == COUNT, taken
    return time.perf_counter() - began


print(asyncio.run(main()))
