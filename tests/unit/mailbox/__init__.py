"""Behaviours of tenants, domains and mailboxes."""
