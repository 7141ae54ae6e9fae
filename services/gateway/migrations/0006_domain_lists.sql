-- Domains by age, for lists in that order.

CREATE INDEX domains_by_created ON domains (tenant, created_at, domain);
CREATE INDEX domains_by_changed ON domains (tenant, changed_at, domain);
