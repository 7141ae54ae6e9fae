"""Behaviours of one room, without a server."""
