"""The embedded stack: real Kafka and PostgreSQL from packages, and all roles, supervised on one machine."""
