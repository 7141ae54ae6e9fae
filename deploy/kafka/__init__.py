"""Apache Kafka as packages: which jars make the broker, and how it is configured on one machine."""
