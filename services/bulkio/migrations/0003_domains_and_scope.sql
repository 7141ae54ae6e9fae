-- What domains and jobs have learned since: see contracts/views. The defaults are what is true of rows from before.

ALTER TABLE domains
    ADD COLUMN suspended             boolean NOT NULL DEFAULT false,
    ADD COLUMN suspended_with_tenant boolean NOT NULL DEFAULT false,
    ADD COLUMN challenge             text    NOT NULL DEFAULT '',
    ADD COLUMN assigned_to           text,
    ADD COLUMN group_id              text,
    ADD COLUMN followed_tenant       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN followed_group        bigint  NOT NULL DEFAULT 0,
    ADD COLUMN catch_all_id          text,
    ADD COLUMN catch_all_domain      text,
    ADD COLUMN copies                boolean NOT NULL DEFAULT false,
    ADD COLUMN contact_id            text,
    ADD COLUMN contact_domain        text;

-- Until now only an operator could suspend a domain.
UPDATE domains SET suspended = true WHERE status = 'suspended';

-- The domains that a job may touch; without, all of the tenant's.
ALTER TABLE imports ADD COLUMN within jsonb;
ALTER TABLE exports ADD COLUMN within jsonb;
