-- Of a purged mailbox only a row without address and note is left, which no export, check or selection knows. The index
-- that they walk leaves such rows out.

DROP INDEX mailboxes_by_address;
CREATE INDEX mailboxes_by_address ON mailboxes (tenant, domain, local_part, mailbox_id) WHERE status <> 'purged';
