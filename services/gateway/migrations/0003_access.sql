-- People, keys and paid groups of tenants, as far as their readers go: the rows of contracts/views/access.py. Whoever
-- has read the topic before has met only events of tenants themselves, so these tables begin complete.

ALTER TABLE tenants ADD COLUMN status text NOT NULL DEFAULT 'active';
ALTER TABLE tenants ALTER COLUMN status DROP DEFAULT;

CREATE TABLE users (
    user_id               text        COLLATE "C" PRIMARY KEY,
    tenant                text        COLLATE "C" NOT NULL,
    email                 text        COLLATE "C" NOT NULL,
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

CREATE INDEX users_by_tenant ON users (tenant, email, user_id);
CREATE INDEX users_by_email ON users (email) WHERE status = 'active';

CREATE TABLE api_keys (
    key_id      text        COLLATE "C" PRIMARY KEY,
    tenant      text        COLLATE "C" NOT NULL,
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

CREATE INDEX api_keys_by_tenant ON api_keys (tenant, key_id);

CREATE TABLE paid_groups (
    group_id      text        COLLATE "C" PRIMARY KEY,
    tenant        text        COLLATE "C" NOT NULL,
    title         text        NOT NULL,
    plan          text        NOT NULL,
    domains_max   bigint      NOT NULL,
    mailboxes_max bigint      NOT NULL,
    removed       boolean     NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE INDEX paid_groups_by_tenant ON paid_groups (tenant, group_id);

CREATE TABLE placements (
    placement_id  text        COLLATE "C" PRIMARY KEY,
    tenant        text        COLLATE "C" NOT NULL,
    domain        text        COLLATE "C" NOT NULL,
    group_id      text        COLLATE "C",
    mailbox_limit bigint,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE INDEX placements_by_group ON placements (tenant, group_id, domain) WHERE group_id IS NOT NULL;

-- From here on rows are the gateway's own: they are not made from events, and a rebuild leaves them out.

-- The secrets that let somebody in, known by their digest alone. id is the key's, the session's or the invitation's;
-- deleting a row shuts its holder out of every gateway at once.
CREATE TABLE tokens (
    sha256         bytea       PRIMARY KEY,
    kind           text        NOT NULL CHECK (kind IN ('key', 'session', 'invitation')),
    id             text        COLLATE "C" NOT NULL,
    tenant         text        COLLATE "C" NOT NULL,
    user_id        text        COLLATE "C",
    client_address text        NOT NULL DEFAULT '',
    client         text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz,
    last_used_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, id)
);

CREATE INDEX tokens_by_user ON tokens (user_id, kind, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Attempts to sign in since the last one that succeeded; subject is a keyed digest of an account or a client address.
CREATE TABLE sign_in_failures (
    subject       bytea       PRIMARY KEY,
    failures      bigint      NOT NULL,
    blocked_until timestamptz NOT NULL,
    failed_at     timestamptz NOT NULL
);

CREATE INDEX sign_in_failures_by_age ON sign_in_failures (failed_at);

-- Second factors that were begun and not confirmed yet: the secret is in the vault under totp_id.
CREATE TABLE totp_begun (
    user_id  text        COLLATE "C" PRIMARY KEY,
    totp_id  text        NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now()
);
