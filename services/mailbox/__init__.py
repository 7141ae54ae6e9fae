"""Which tenants, mail domains and mailboxes there are: their writer and their directory."""
