"""The worker: environment in, rows published, report and exit code out."""
