"""Machinery for services: settings, logs, database, vault, blobs and the Kafka loops. It knows nothing about mail."""
