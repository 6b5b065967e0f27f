"""What PostgreSQL refuses, as one of the worker's errors: which kind it is, and what a person must do. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from worker.errors import ConfigurationError, Unavailable, WorkerError
from worker.postgres.dsn import unreadable

if TYPE_CHECKING:
    from adbc_driver_manager import Error

    from worker.postgres.relation import Relation

CONNECTION_LOST = "08006"
UNDEFINED_TABLE = "42P01"

_RETRIED = ("08", "25P", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE (appendix A of PostgreSQL's manual) that another attempt may not meet again."""
_ADVICE = {
    "57014": "raise the role's statement_timeout, or read less: fewer columns, or append by a cursor column",
    "40001": "it is a standby that could not wait: try again, or set hot_standby_feedback there",
    "55P03": "end the session that holds the lock (an ALTER, a VACUUM FULL), or try again after it",
    "53300": "raise max_connections, or put a pooler before it",
    "42501": "GRANT SELECT on what it reads, and USAGE on the schema, to {role}",
    "25006": "remove what it writes: a load only reads",
    "42702": "give each column of the query its own name with AS",
    "42883": "choose a cursor column whose type has an order, or correct the query",
}
_DIAGNOSTICS = (b"PG_DIAG_MESSAGE_PRIMARY", b"PG_DIAG_MESSAGE_DETAIL", b"PG_DIAG_MESSAGE_HINT")
_REFUSED_CONNECTION = {
    r"password authentication failed|no password supplied": "correct the password",
    r"pg_hba\.conf|not permitted to log in": "let this role in from here",
    r'role ".*" does not exist': "correct the role",
    r'database ".*" does not exist': "correct the database",
    r"could not translate host name .*(not known|No address)": "correct the host",
    r"SSL|certificate": "correct sslmode or sslrootcert",
}


class Rejection(Exception):  # noqa: N818 - it names the fault
    """The server refused a statement, or went away during it; `explained` makes one of the worker's errors of it."""

    def __init__(self, sqlstate: str, text: str) -> None:
        """Keep the SQLSTATE and what the server said."""
        super().__init__(f"{text} (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate
        self.text = text


def rejection(error: Error) -> Rejection:
    """Return what ADBC raised as a rejection, with the server's own words and hint."""
    details: dict[object, object] = dict(error.details or [])
    said = [details.get(name) for name in _DIAGNOSTICS]
    words = [part.decode(errors="replace") for part in said if isinstance(part, bytes)]
    return Rejection(error.sqlstate or CONNECTION_LOST, ": ".join(words) or _first_line(str(error)))


def explained(fault: Rejection, relation: Relation, *, host: str, role: str) -> WorkerError:
    """Return the worker's error for a statement that read `relation`."""
    advice = _ADVICE.get(fault.sqlstate, "").format(role=role)
    if fault.sqlstate.startswith(_RETRIED):
        lost = fault.sqlstate.startswith(("08", "57P"))
        return Unavailable(
            f"{relation.label}: expected the server {host} to answer, got {fault}; {advice or 'try again'}",
            fingerprint=f"host {host}" if lost else "",
        )
    kind = "table" if relation.table else "query"
    return ConfigurationError(
        f"{relation.label}: expected something that can be read, got {fault}; {advice or f'correct source.{kind}'}"
    )


def connection_fault(text: str, *, host: str, reference: str) -> WorkerError:
    """Return the worker's error for a connection that was not made."""
    said = text.partition("Failed to connect: ")[2]
    if not said.startswith(("connection to server", "could not translate host name")):
        return unreadable(reference)
    said = _first_line(said)
    for pattern, advice in _REFUSED_CONNECTION.items():
        if re.search(pattern, said):
            text = f"{reference}: expected a connection to {host}, got {said!r}; {advice}"
            return ConfigurationError(text, fingerprint=f"connection {reference}")
    return Unavailable(
        f"{reference}: expected a connection to {host}, got {said!r}; start it, or let this worker reach it",
        fingerprint=f"host {host}",
    )


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return re.sub(r"^(\w+: \[libpq\] )?(connection to server .*? failed: )?", "", line).strip()
