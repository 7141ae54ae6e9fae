-- Of a purged mailbox only a row without address and note is left (contracts/views/mailbox.py). Rows from before need no
-- change: none was purged. Mail that an alias or rule still leads to such a row gets nowhere.

-- As in 0003_routing.sql; only the statuses in which a mailbox receives are named now.
CREATE OR REPLACE FUNCTION receiving(wanted_id text, wanted_tenant text) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT m.mailbox_id FROM mailboxes AS m
    WHERE m.mailbox_id = wanted_id AND m.tenant = wanted_tenant AND m.status IN ('active', 'suspended')
$$;

CREATE OR REPLACE FUNCTION at_address(wanted_domain text, wanted_tenant text, wanted text)
RETURNS TABLE (mailbox_id text, step text, via text)
LANGUAGE sql STABLE
AS $$
    (
        SELECT m.mailbox_id, 'mailbox', NULL FROM mailboxes AS m
        WHERE m.domain = wanted_domain AND m.local_part = wanted AND m.tenant = wanted_tenant
            AND m.status IN ('active', 'suspended')
    )
    UNION ALL
    (
        SELECT m.mailbox_id, 'alias', a.alias_id FROM aliases AS a JOIN mailboxes AS m ON m.mailbox_id = a.target_id
        WHERE a.domain = wanted_domain AND a.local_part = wanted AND NOT a.removed
            AND m.tenant = wanted_tenant AND m.status IN ('active', 'suspended')
    )
    LIMIT 1
$$;
