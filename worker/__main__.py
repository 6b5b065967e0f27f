"""`python -m worker` is `sluice-worker`."""

from __future__ import annotations

from worker.cli import main

raise SystemExit(main())
