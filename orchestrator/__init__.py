"""The service: decides which runs are due and launches them; it never touches a source or a destination."""
