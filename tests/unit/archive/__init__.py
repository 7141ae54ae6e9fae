"""Behaviours of archives, holds and retrievals."""
