"""Where rows go: one module per destination."""
