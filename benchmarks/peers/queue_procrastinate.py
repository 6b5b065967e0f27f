"""Procrastinate: put COUNT jobs in, take each out. Prints the seconds of both together. Run with .venv-benchmarks."""

from __future__ import annotations

import asyncio
import sys
import time

import procrastinate

URL, COUNT = sys.argv[1], int(sys.argv[2])


async def main() -> float:
    """Put in, take out, and return the seconds."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))

    @app.task(queue="loads")  # type: ignore[untyped-decorator] # its types are in the benchmarks' environment
    def load(config: int) -> None: ...

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = await app.job_manager.register_worker()
        began = time.perf_counter()
        await load.batch_defer_async(*({"config": number} for number in range(COUNT)))
        taken = 0
        while await app.job_manager.fetch_job(queues=["loads"], worker_id=worker):
            taken += 1
        assert taken == COUNT, taken
        return time.perf_counter() - began


print(asyncio.run(main()))
