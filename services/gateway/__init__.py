"""The HTTP API, its read models, and what it remembers of requests."""
