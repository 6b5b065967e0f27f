"""The contract between orchestrator and worker, owned by the worker."""
