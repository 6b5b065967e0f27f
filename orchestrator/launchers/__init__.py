"""Where a run is executed: one module per kind of place."""
