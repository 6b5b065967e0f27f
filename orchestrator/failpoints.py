"""Where a crash test may stop the orchestrator: after each commit, and on both sides of each outside effect."""

from __future__ import annotations

NAMES = (
    "observe.after_revoke",
    "tick.before_commit",
    "tick.after_commit",
    "launch.after_call",
    "tick.after_launch",
    "tick.after_record",
    "notify.after_take",
    "notify.after_send",
    "tick.after_notify",
)
"""Every failpoint, in the order in which a tick passes them."""
