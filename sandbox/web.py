"""A small HTTP server for stand-ins: it finds the service, records the request, and lets a fault happen."""

from __future__ import annotations

import json
import socket
import struct
import sys
import traceback
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.streamed_json import Json, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from email.message import Message

    from sandbox.faults import Fault, Faults
    from sandbox.traffic import Traffic


@dataclass(frozen=True)
class Request:
    """One HTTP request; `path` is still percent-encoded, `target` is path and query as a person reads them."""

    method: str
    path: str
    query_string: str
    headers: Message
    body: bytes

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)

    @cached_property
    def target(self) -> str:
        return unquote(f"{self.path}?{self.query_string}" if self.query_string else self.path)

    def parameter(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; a body that is not bytes is sent block by block."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    content_type: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def whole(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


def json_reply(document: Json, status: int = 200, **headers: str) -> Reply:
    """Answer with a document that fits into memory."""
    return Reply(json.dumps(document).encode(), status, headers=headers)


def streamed_reply(document: Json) -> Reply:
    """Answer with a document that may hold `Rows`."""
    return Reply(encode(document))


def text_reply(text: str, status: int = 200, **headers: str) -> Reply:
    """Answer with plain text."""
    return Reply(text.encode(), status, "text/plain; charset=utf-8", headers)


class Service(Protocol):
    """A stand-in: its name, the paths that are its own, its answers, and how it words a bare status."""

    name: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]

    def answer(self, request: Request) -> Reply: ...

    def refusal(self, status: int) -> Reply: ...


class Site:
    """The services behind one address."""

    def __init__(self, services: Sequence[Service], faults: Faults, traffic: Traffic) -> None:
        self._services = services
        self._faults = faults
        self._traffic = traffic
        self.closing = Event()

    def reply(self, request: Request) -> tuple[Reply, Fault | None]:
        """Return the answer and the fault that is to spoil it."""
        service = self._service(request.path)
        if service is None:
            return text_reply(f"Not Found: {request.path}\n", 404), None
        self._traffic.record(service.name, request)
        fault = self._faults.take(service.name, request.target)
        if fault and fault.kind == "status":
            return _refusal(service, fault), None
        if fault and fault.kind == "slow":
            self.closing.wait(fault.delay_seconds)
        return _answer(service, request), fault

    def _service(self, path: str) -> Service | None:
        return next((service for service in self._services if path.startswith(service.prefixes)), None)


def _answer(service: Service, request: Request) -> Reply:
    try:
        return service.answer(request)
    except Exception:  # noqa: BLE001  a mistake in a stand-in must not look like a broken network
        reason = traceback.format_exc()
        sys.stderr.write(reason)
        return text_reply(f"The sandbox has a mistake:\n{reason}", 500)


def _refusal(service: Service, fault: Fault) -> Reply:
    reply = service.refusal(fault.status)
    if fault.retry_after is None:
        return reply
    return replace(reply, headers={**reply.headers, "Retry-After": f"{fault.retry_after:g}"})


class Handler(BaseHTTPRequestHandler):
    """Reads a request, asks the site, sends the answer or what a fault makes of it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, site: Site, connection: socket.socket, address: Any, server: Any) -> None:  # noqa: ANN401  typed so by the standard library
        self._site = site
        super().__init__(connection, address, server)

    def _serve(self) -> None:
        reply, fault = self._site.reply(self._request())
        kind = fault.kind if fault else None
        if kind == "reset":
            self._reset()
        elif kind == "cut_off":
            self._send_half(reply)
        elif kind == "garbage":
            self._send(Reply(b"<!doctype html><title>502</title>", content_type=reply.content_type))
        else:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  the standard library calls them so

    def _request(self) -> Request:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return Request(self.command, url.path, url.query, self.headers, body)

    def _send(self, reply: Reply) -> None:
        if isinstance(reply.body, bytes):
            self._send_head(reply, {"Content-Length": str(len(reply.body))})
            self.wfile.write(reply.body)
            return
        self._send_head(reply, {"Transfer-Encoding": "chunked"})
        for block in _blocks(reply.body, size=1 << 16):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")

    def _send_half(self, reply: Reply) -> None:
        body = reply.whole()
        self._send_head(reply, {"Content-Length": str(len(body) + 1)})
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def _send_head(self, reply: Reply, framing: Mapping[str, str]) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers, **framing}.items():
            self.send_header(name, value)
        self.end_headers()

    def _reset(self) -> None:
        # Lingering for no time makes the kernel send RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  named and typed so by the standard library
        """Stay silent: `Traffic` is the record."""


def _blocks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= size:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


class Listener(ThreadingHTTPServer):
    """A server on a free loopback port that runs in daemon threads and closes with all its connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: Callable[[Any, Any, Any], BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), handler)
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        for connection in list(self._connections):
            _hang_up(connection)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  typed so by the standard library
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  typed so by the standard library
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  typed so by the standard library
        # A client that hangs up, or a fault that was asked for, is no error of the sandbox.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
