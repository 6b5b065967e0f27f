"""What the worker's exit code says; anything else is unknown (killed, out of memory)."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The codes of `sysexits.h` where one fits."""

    OK = 0
    BUG = 70  # EX_SOFTWARE: an error nobody classified
    TRY_AGAIN = 75  # EX_TEMPFAIL: nothing is wrong with the configuration
    FENCED = 76  # another execution holds this attempt
    CONFIGURATION = 78  # EX_CONFIG: never tried again until somebody changes something
