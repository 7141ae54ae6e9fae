"""Tests on the real stack: Kafka, PostgreSQL and the roles as processes."""
