-- What domains and jobs have learned since: see contracts/views. The defaults are what is true of rows from before.

ALTER TABLE domains
    ADD COLUMN suspended             boolean NOT NULL DEFAULT false,
    ADD COLUMN suspended_with_tenant boolean NOT NULL DEFAULT false,
    ADD COLUMN challenge             text    NOT NULL DEFAULT '',
    ADD COLUMN assigned_to           text    COLLATE "C",
    ADD COLUMN group_id              text    COLLATE "C",
    ADD COLUMN followed_tenant       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN followed_group        bigint  NOT NULL DEFAULT 0,
    ADD COLUMN catch_all_id          text    COLLATE "C",
    ADD COLUMN catch_all_domain      text,
    ADD COLUMN copies                boolean NOT NULL DEFAULT false,
    ADD COLUMN contact_id            text    COLLATE "C",
    ADD COLUMN contact_domain        text;

-- Until now only an operator could suspend a domain.
UPDATE domains SET suspended = true WHERE status = 'suspended';

CREATE INDEX domains_by_status ON domains (tenant, status, domain);
CREATE INDEX domains_by_group ON domains (tenant, group_id, domain) WHERE group_id IS NOT NULL;
CREATE INDEX domains_by_employee ON domains (tenant, assigned_to, domain) WHERE assigned_to IS NOT NULL;

-- The domains that a job may touch; without, all of the tenant's.
ALTER TABLE imports ADD COLUMN within jsonb;
ALTER TABLE exports ADD COLUMN within jsonb;
