"""Where a crash test may stop the orchestrator: after each commit, and on both sides of each outside effect."""

from __future__ import annotations

NAMES = (
    "tick.before_commit",
    "tick.after_commit",
    "tick.after_launch",
    "tick.after_record",
    "tick.after_notify",
)
"""Every failpoint, in the order in which a tick passes them."""
