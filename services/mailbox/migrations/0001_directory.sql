-- The directory: which tenants, mail domains and mailboxes there are. The columns are those of the rows in
-- contracts/views.py; nothing here refuses an event, for a projection never does.

CREATE TABLE tenants (
    tenant     text        PRIMARY KEY,
    title      text        NOT NULL,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE domains (
    domain        text        PRIMARY KEY,
    tenant        text        NOT NULL,
    status        text        NOT NULL,
    mailbox_limit bigint,
    mailboxes     bigint      NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE TABLE mailboxes (
    mailbox_id    text        PRIMARY KEY,
    tenant        text        NOT NULL,
    domain        text        NOT NULL,
    local_part    text        NOT NULL,
    note          text        NOT NULL,
    status        text        NOT NULL,
    suspended     boolean     NOT NULL,
    self_service  boolean     NOT NULL,
    credential_id text,
    generation    bigint      NOT NULL,
    archive_id    text,
    expires_at    timestamptz,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

-- All mailboxes of a domain, for the writer's snapshot; one of them by address, for the mail server. Not unique: an
-- address freed by a purge belongs to another mailbox later, and the row of the old one stays.
CREATE INDEX mailboxes_by_address ON mailboxes (domain, local_part);
