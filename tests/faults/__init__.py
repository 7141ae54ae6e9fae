"""Breaks the whole house on purpose, then asks the oracle whether anything was lost or doubled."""
