"""Secrets travel as references and are resolved here, at the last moment; then they are masked wherever text leaves.

env://NAME            the environment variable NAME of the worker
file:///run/db-url    the content of that file, without the newline at its end
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from worker.errors import ConfigurationError

MASK = "***"
_SHORTEST_MASKED = 4  # masking "a" would make every text unreadable and hide nothing

_resolved: set[str] = set()


def resolve(reference: str) -> str:
    """Return the secret that a reference points at, and mask it from now on.

    Raises:
        ConfigurationError: it is no reference, or points at nothing; never shows the secret.
    """
    secret = _look_up(reference)
    register(secret)
    return secret


def register(secret: str) -> None:
    """Mask this value in every text from now on, however it is written, and the password inside it if it is a URL."""
    for value in (secret, *_passwords(secret)):
        if len(value) >= _SHORTEST_MASKED:
            _resolved.update({value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe="")})


def mask(text: str) -> str:
    """Return the text with every resolved secret replaced, the longest first."""
    for secret in sorted(_resolved, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _look_up(reference: str) -> str:
    scheme, separator, rest = reference.partition("://")
    if scheme == "env" and separator:
        return _from_environment(rest)
    if scheme == "file" and separator:
        return _from_file(Path(unquote(urlsplit(reference).path)))
    if scheme == "secret" and separator:
        raise ConfigurationError(
            f"{reference}: expected a reference this worker can read, got one to Secret Manager, which is not"
            " supported by this worker; use env://NAME or file:///path"
        )
    raise ConfigurationError(
        "secret: expected a reference (env://NAME or file:///path), got a literal value; put the value"
        " into the worker's environment and name it here"
    )


def _from_environment(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise ConfigurationError(
        f"env://{name}: expected a value in the worker's environment, got nothing; set the variable {name}"
    )


def _from_file(path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigurationError(f"file://{path}: expected a readable file, got {reason!r}; correct the path") from None
    if not value:
        raise ConfigurationError(f"file://{path}: expected a secret, got an empty file; write it there")
    return value


def _passwords(secret: str) -> tuple[str, ...]:
    try:
        password = urlsplit(secret).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()
