"""Behaviours of the machinery, without a broker or a database."""
