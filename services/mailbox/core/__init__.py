"""The pure rules of tenants, domains and mailboxes: no clock, no network, no log."""
