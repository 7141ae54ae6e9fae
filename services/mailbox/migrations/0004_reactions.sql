-- What the reactor asks of the directory: which domains a tenant holds, which of them are for an employee, who has
-- placed a domain, and which tenants are being given up.

CREATE TABLE closings (
    tenant      text    PRIMARY KEY,
    event_id    text    NOT NULL,
    correlation text    NOT NULL,
    finished    boolean NOT NULL
);

CREATE INDEX domains_held ON domains (tenant, domain) WHERE status <> 'removed';
CREATE INDEX domains_assigned ON domains (assigned_to) WHERE assigned_to IS NOT NULL;
CREATE INDEX placements_by_domain ON placements (domain) WHERE group_id IS NOT NULL;
