"""A CONNECT proxy that answers for Yahoo's hosts itself, over TLS with a certificate of its own authority.

Every other host is tunnelled to as it is, so that a process behind this proxy still reaches the world.
"""

from __future__ import annotations

import socket
import ssl
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import TYPE_CHECKING, Any

import trustme

from sandbox.web import Handler, Listener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.web import Site

_CONNECT_SECONDS = 10


class TlsProxy:
    """A proxy for `site`, which stands in for `domains` and all hosts below them."""

    def __init__(self, site: Site, domains: Sequence[str]) -> None:
        authority = trustme.CA(organization_name="Sluice sandbox")
        self.authority_pem = authority.cert_pem.bytes()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = [name for domain in domains for name in (domain, f"*.{domain}", f"*.finance.{domain}")]
        authority.issue_cert(*names).configure_cert(self._context)
        self._site = site
        self._domains = tuple(domains)
        self._listener = Listener(self._handle)

    @property
    def url(self) -> str:
        return self._listener.url

    def close(self) -> None:
        self._listener.close()

    def stands_in_for(self, host: str) -> bool:
        return any(host == domain or host.endswith(f".{domain}") for domain in self._domains)

    def serve(self, connection: socket.socket, address: Any, server: Any) -> None:  # noqa: ANN401  typed so by the standard library
        """Speak TLS on a connection, then HTTP, until the client is done."""
        with self._context.wrap_socket(connection, server_side=True) as secure:
            Handler(self._site, secure, address, server)

    def _handle(self, connection: Any, address: Any, server: Any) -> BaseHTTPRequestHandler:  # noqa: ANN401  typed so by the standard library
        return _ConnectHandler(self, connection, address, server)


class _ConnectHandler(BaseHTTPRequestHandler):
    def __init__(self, proxy: TlsProxy, connection: socket.socket, address: Any, server: Any) -> None:  # noqa: ANN401  typed so by the standard library
        self._proxy = proxy
        super().__init__(connection, address, server)

    def do_CONNECT(self) -> None:
        self.close_connection = True
        host, _, port = self.path.rpartition(":")
        if self._proxy.stands_in_for(host):
            self._established()
            self._proxy.serve(self.connection, self.client_address, self.server)
            return
        try:
            upstream = socket.create_connection((host, int(port)), _CONNECT_SECONDS)
        except OSError as error:
            self.send_error(502, f"Cannot reach {host}", str(error))
            return
        with upstream:
            self._established()
            upstream.settimeout(None)
            _join(self.connection, upstream)

    def _established(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  named and typed so by the standard library
        """Stay silent: `Traffic` is the record."""


def _join(client: socket.socket, upstream: socket.socket) -> None:
    back = Thread(target=_pump, args=(upstream, client), daemon=True)
    back.start()
    _pump(client, upstream)
    back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            end.close()
