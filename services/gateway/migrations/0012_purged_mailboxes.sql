-- Of a purged mailbox only a row without address and note is left, which no list and no look-up knows. The lists' indexes
-- leave such rows out: however many mailboxes were purged, a page passes over none of them. Each list says so in its
-- condition too, else PostgreSQL could not use these indexes.

DROP INDEX mailboxes_by_address;
DROP INDEX mailboxes_by_domain_created;
DROP INDEX mailboxes_by_domain_changed;
DROP INDEX mailboxes_by_facet_address;
DROP INDEX mailboxes_by_facet_created;
DROP INDEX mailboxes_by_facet_changed;

CREATE INDEX mailboxes_by_address ON mailboxes (tenant, domain, local_part, mailbox_id) WHERE status <> 'purged';
CREATE INDEX mailboxes_by_domain_created ON mailboxes (tenant, domain, created_at, mailbox_id)
    WHERE status <> 'purged';
CREATE INDEX mailboxes_by_domain_changed ON mailboxes (tenant, domain, changed_at, mailbox_id)
    WHERE status <> 'purged';
CREATE INDEX mailboxes_by_facet_address ON mailboxes (tenant, facet, domain, local_part, mailbox_id)
    WHERE status <> 'purged';
CREATE INDEX mailboxes_by_facet_created ON mailboxes (tenant, facet, created_at, mailbox_id)
    WHERE status <> 'purged';
CREATE INDEX mailboxes_by_facet_changed ON mailboxes (tenant, facet, changed_at, mailbox_id)
    WHERE status <> 'purged';
