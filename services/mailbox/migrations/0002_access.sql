-- Who may do what for a tenant, and which plans it has bought: the columns are those of the rows in
-- contracts/views/access.py.
--
-- The log so far tells of onboarded and renamed tenants alone, so what stands in `tenants` is complete with the
-- default, and the other tables of a projection that has read all of it are rightly empty. No rebuild is needed.

ALTER TABLE tenants ADD COLUMN status text NOT NULL DEFAULT 'active';
ALTER TABLE tenants ALTER COLUMN status DROP DEFAULT;

CREATE TABLE users (
    user_id               text        PRIMARY KEY,
    tenant                text        NOT NULL,
    email                 text        NOT NULL,
    display_name          text        NOT NULL,
    role                  text        NOT NULL,
    permissions           jsonb       NOT NULL,
    status                text        NOT NULL,
    credential_id         text,
    invitation_id         text,
    invitation_expires_at timestamptz,
    totp_id               text,
    signed_in_at          timestamptz,
    version               bigint      NOT NULL,
    created_at            timestamptz NOT NULL,
    changed_at            timestamptz NOT NULL
);

CREATE TABLE api_keys (
    key_id      text        PRIMARY KEY,
    tenant      text        NOT NULL,
    title       text        NOT NULL,
    role        text        NOT NULL,
    permissions jsonb       NOT NULL,
    networks    jsonb       NOT NULL,
    expires_at  timestamptz,
    revoked     boolean     NOT NULL,
    created_by  text        NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);

CREATE TABLE paid_groups (
    group_id      text        PRIMARY KEY,
    tenant        text        NOT NULL,
    title         text        NOT NULL,
    plan          text        NOT NULL,
    domains_max   bigint      NOT NULL,
    mailboxes_max bigint      NOT NULL,
    removed       boolean     NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE TABLE placements (
    placement_id  text        PRIMARY KEY,
    tenant        text        NOT NULL,
    domain        text        NOT NULL,
    group_id      text,
    mailbox_limit bigint,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

-- Everything of a tenant, for the writer's snapshot.
CREATE INDEX users_of_tenant ON users (tenant);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant);
CREATE INDEX paid_groups_of_tenant ON paid_groups (tenant);
CREATE INDEX placements_of_tenant ON placements (tenant);
