"""The deployables and the machinery they share."""
