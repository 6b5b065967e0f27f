"""Where rows come from: one module per kind, named as the kind."""
