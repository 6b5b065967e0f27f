"""The history of the tables, as Alembic revisions."""

from __future__ import annotations

# Others may keep the history of their own tables in the same database, in Alembic's default `alembic_version`.
VERSION_TABLE = "sluice_version"

# The revision that the code expects: the last one, as a test holds.
HEAD = "0003"

# "sluice" in ASCII, as a number: the advisory lock under which one process migrates at a time.
ADVISORY_LOCK = 126909663503205
