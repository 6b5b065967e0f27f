"""`sluice serve`: the HTTP API, and a tick every now and then if asked for."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator import render
from orchestrator.commands.flags import Database, takes_database

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from datetime import timedelta

    from orchestrator.app import App
    from orchestrator.settings import Settings

_ENDING_REQUESTS_SECONDS = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


@takes_database
def serve(
    database: Database,
    *,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless given. \\[env: LISTEN_HOST]"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help="Port to listen on; 8080 unless given, 0 takes a free one. \\[env: PORT]"),
    ] = None,
    tick_every: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Tick by itself this often, such as 1m. \\[env: TICK_EVERY]"),
    ] = None,
) -> None:
    """Serve the HTTP API until Ctrl-C; workers that are running go on."""
    from orchestrator.app import open_app
    from orchestrator.auth import refuse_open_door

    settings = database.settings(listen_host=host, port=port, tick_every=tick_every, log_level="INFO")
    token = settings.admin_token
    refuse_open_door(settings.listen_host, token.get_secret_value() if token else None)
    with _listening(settings) as listener:
        address = _address(listener)
        settings = settings.model_copy(update={"tick_url": settings.tick_url or f"{address}/tick"})
        with suppress(KeyboardInterrupt), open_app(settings) as app, _ticking(app, settings.tick_every):
            render.say(f"listening on {address} (API: {address}/docs)")
            _serve(app, listener)


def _serve(app: App, listener: socket.socket) -> None:
    import uvicorn

    from orchestrator.api import create_api

    config = uvicorn.Config(
        create_api(app),
        log_config=None,
        access_log=app.settings.log_level == "DEBUG",
        server_header=False,
        timeout_graceful_shutdown=_ENDING_REQUESTS_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    import socket

    from orchestrator.errors import SettingsError

    host, port = settings.listen_host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"serve: expected to listen on {host} port {port}, got: {error.strerror or error}; name another --port"
        ) from error
    with listener:
        yield listener


def _address(listener: socket.socket) -> str:
    """Return where this machine reaches the server."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


@contextmanager
def _ticking(app: App, every: timedelta | None) -> Iterator[None]:
    """Tick at once, and then `every` so often, in a thread that ends with the server."""
    if every is None:
        yield
        return
    stopped = Event()
    thread = Thread(target=_tick_until, args=(app, stopped, every.total_seconds()), name="ticks")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _tick_until(app: App, stopped: Event, every_seconds: float) -> None:
    import structlog

    log = structlog.get_logger()
    while True:
        try:
            app.shared_ticker.tick()
        except Exception:
            log.exception("tick failed; the next one tries again")
        if stopped.wait(every_seconds):
            return
