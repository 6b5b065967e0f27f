"""Where a crash test may stop the worker: on both sides of whatever it leaves behind."""

from __future__ import annotations

from worker.contract.failpoint import reach

__all__ = ["NAMES", "reach"]

NAMES = (
    "worker.before_fence",
    "worker.after_fence",
    "worker.after_resolve",
    "worker.after_plan",
    "worker.after_part",
    "worker.after_manifest",
    "worker.before_publish",
    "duckdb.before_commit",
    "duckdb.after_commit",
    "worker.after_publish",
    "worker.before_report",
    "worker.after_report",
    "worker.after_cleanup",
)
"""Every failpoint, in the order in which a run passes them."""
