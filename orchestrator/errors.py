"""The orchestrator's errors, as a person meets them.

    SluiceError
    ├── SettingsError      a setting is wrong or half set
    ├── NotFound           no config or run of that name or id
    ├── Refused            what was asked cannot be done now, or never
    ├── Unreachable        the database does not answer: try again
    └── DatabaseNotReady   its migrations are not those of this version

`orchestrator.check.ConfigError` is a config's own. A text reads: where: expected what, got value; do this.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError  # noqa: A004 - of the pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SluiceError(Exception):
    """Something a person can mend; its text says how."""


class SettingsError(SluiceError):
    """A setting is wrong or half set."""


class NotFound(SluiceError):  # noqa: N818 - it names the fault
    """There is no config or run of that name or id."""


class Refused(SluiceError):  # noqa: N818 - it names the fault
    """What was asked cannot be done now, or never."""


class Unreachable(SluiceError):  # noqa: N818 - it names the fault
    """The database does not answer; it may later."""


class DatabaseNotReady(SluiceError):  # noqa: N818 - it names the fault
    """The database's migrations are not those of this version."""


UNANSWERED = (OperationalError, InterfaceError, TimeoutError)
"""How SQLAlchemy says that the database did not answer, or not in time."""

_PREFIX = re.compile(r"^(?:Value error, |(?:Input|String|List|Tuple|Dictionary) should (?:be |have )?)")
_SENTENCE = re.compile(
    r"(?P<where>[^:]+): expected (?P<expected>.*?), got (?P<got>.*?)(?:; (?P<advice>[^;]*))?", re.DOTALL
)


def problem(message: str, faults: Sequence[str] = ()) -> dict[str, Any]:
    """Return the body of an answer that is an error; each fault is such a sentence, by default the message alone."""
    parts = [part for fault in faults or [message] if (part := parts_of(fault))]
    return {"error": {"message": message, "faults": parts}}


def expected_by(fault: Mapping[str, Any]) -> str:
    """Return what one of pydantic's faults expected, fit for `expected ..., got ...`."""
    return _PREFIX.sub("", fault["msg"])


def parts_of(sentence: str) -> dict[str, str] | None:
    """Return the parts of an error's sentence: where, expected, got, advice; None if it is not made so."""
    found = _SENTENCE.fullmatch(sentence)
    return {name: text or "" for name, text in found.groupdict().items()} if found else None
