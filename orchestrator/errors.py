"""The orchestrator's errors, as a person meets them.

    SluiceError
    ├── SettingsError      a setting is wrong or half set
    ├── NotFound           no config or run of that name or id
    ├── Refused            what was asked cannot be done now, or never
    └── DatabaseNotReady   cannot be reached, or the migrations are not those of this version

`orchestrator.check.ConfigError` is a config's own. A text reads: where: expected what, got value; do this.
"""

from __future__ import annotations


class SluiceError(Exception):
    """Something a person can mend; its text says how."""


class SettingsError(SluiceError):
    """A setting is wrong or half set."""


class NotFound(SluiceError):  # noqa: N818 - it names the fault
    """There is no config or run of that name or id."""


class Refused(SluiceError):  # noqa: N818 - it names the fault
    """What was asked cannot be done now, or never."""


class DatabaseNotReady(SluiceError):  # noqa: N818 - it names the fault
    """The database cannot be reached, or its migrations are not those of this version."""
