"""The gateway without Kafka and PostgreSQL."""
