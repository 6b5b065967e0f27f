"""Connection strings, as libpq reads them. Pure. No text made here holds a part of one, except the host."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from worker.errors import ConfigurationError

# A connection that a firewall forgot is noticed within a minute and a half, not after the kernel's two hours.
_DEFAULTS = {
    "connect_timeout": "10",
    "application_name": "sluice",
    "keepalives_idle": "30",
    "keepalives_interval": "15",
    "keepalives_count": "3",
}
_SCHEMES = ("postgresql://", "postgres://")
_KEYWORD = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)")


def completed(dsn: str, *, reference: str) -> str:
    """Return the connection string with our defaults for what it leaves open.

    Raises:
        ConfigurationError: libpq would not read it as it was meant; names the reference, never the string.
    """
    if not _is_readable(dsn):
        raise unreadable(reference)
    missing = {name: value for name, value in _DEFAULTS.items() if name not in _parameters(dsn)}
    if not dsn.startswith(_SCHEMES):
        return " ".join([dsn, *(f"{name}={value}" for name, value in missing.items())])
    separator = "&" if "?" in dsn else "?"
    return dsn + separator + "&".join(f"{name}={value}" for name, value in missing.items())


def unreadable(reference: str) -> ConfigurationError:
    """Return the error for a string that cannot be read; neither it is shown, nor what libpq says of it."""
    return ConfigurationError(
        f"{reference}: expected postgresql://user:password@host:port/database (special characters of the password "
        "percent-encoded) or key=value pairs, got something else (not shown); correct it"
    )


def host(dsn: str) -> str:
    """Return the host that a readable connection string names, without its port; the socket's folder if it has one."""
    named = _parameters(dsn).get("host") or _parameters(dsn).get("hostaddr")
    written = urlsplit(dsn).netloc.rpartition("@")[2] if dsn.startswith(_SCHEMES) else ""
    return unquote(re.sub(r":\d+(?=,|$)", "", written)) or named or "localhost"


def role(dsn: str) -> str:
    """Return the role that a readable connection string names, for a person to grant something to."""
    written = urlsplit(dsn).username if dsn.startswith(_SCHEMES) else None
    return unquote(written or "") or _parameters(dsn).get("user") or "the role of this connection"


def _is_readable(dsn: str) -> bool:
    if not dsn.startswith(_SCHEMES):
        return "://" not in dsn and _KEYWORD.match(dsn.strip()) is not None
    try:
        # An unescaped @, /, ? or # in a password makes the rest of it a host.
        return dsn.count("@") == urlsplit(dsn).netloc.count("@") <= 1
    except ValueError:
        return False


def _parameters(dsn: str) -> dict[str, str]:
    if dsn.startswith(_SCHEMES):
        return {name: values[-1] for name, values in parse_qs(urlsplit(dsn).query).items()}
    return {name: value.strip("'") for name, value in _KEYWORD.findall(dsn)}
