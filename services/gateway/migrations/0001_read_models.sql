-- The gateway's read models: the rows of contracts/views.py, and what their lists are found by.
-- Texts that lists are ordered or cut by sort byte by byte, so a prefix is a range and a page starts where one ended.

CREATE TABLE tenants (
    tenant     text        COLLATE "C" PRIMARY KEY,
    title      text        NOT NULL,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE domains (
    domain        text        COLLATE "C" PRIMARY KEY,
    tenant        text        COLLATE "C" NOT NULL,
    status        text        NOT NULL,
    mailbox_limit bigint,
    mailboxes     bigint      NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE INDEX domains_by_tenant ON domains (tenant, domain);

-- facet: 4 × (0 active, 1 suspended, 2 deleted) + 2 × self-service + 1 × has a password; twelve values, so a list by
-- any of the three is a merge of at most twelve ordered ranges.
CREATE TABLE mailboxes (
    mailbox_id    text        COLLATE "C" PRIMARY KEY,
    tenant        text        COLLATE "C" NOT NULL,
    domain        text        COLLATE "C" NOT NULL,
    local_part    text        COLLATE "C" NOT NULL,
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
    changed_at    timestamptz NOT NULL,
    facet         smallint    NOT NULL GENERATED ALWAYS AS (
        CASE status WHEN 'active' THEN 0 WHEN 'suspended' THEN 4 ELSE 8 END
        + CASE WHEN self_service THEN 2 ELSE 0 END
        + CASE WHEN credential_id IS NULL THEN 0 ELSE 1 END
    ) STORED,
    -- Whatever is no letter or digit parts words: the text parser would read "room-12" as a room and a negative number.
    note_words    tsvector    NOT NULL GENERATED ALWAYS AS (
        to_tsvector('simple', regexp_replace(note, '[^[:alnum:]]+', ' ', 'g'))
    ) STORED
);

CREATE INDEX mailboxes_by_address ON mailboxes (tenant, domain, local_part, mailbox_id);
CREATE INDEX mailboxes_by_domain_created ON mailboxes (tenant, domain, created_at, mailbox_id);
CREATE INDEX mailboxes_by_domain_changed ON mailboxes (tenant, domain, changed_at, mailbox_id);
CREATE INDEX mailboxes_by_facet_address ON mailboxes (tenant, facet, domain, local_part, mailbox_id);
CREATE INDEX mailboxes_by_facet_created ON mailboxes (tenant, facet, created_at, mailbox_id);
CREATE INDEX mailboxes_by_facet_changed ON mailboxes (tenant, facet, changed_at, mailbox_id);
CREATE INDEX mailboxes_by_note_words ON mailboxes USING gin (note_words);

CREATE TABLE imports (
    job_id          text        COLLATE "C" PRIMARY KEY,
    tenant          text        COLLATE "C" NOT NULL,
    actor           text        NOT NULL,
    state           text        NOT NULL,
    file_name       text        NOT NULL,
    blob            text        NOT NULL,
    key_id          text        NOT NULL,
    size_bytes      bigint      NOT NULL,
    sha256          text        NOT NULL,
    mode            text        NOT NULL,
    bad_rows_policy text        NOT NULL,
    dry_run         boolean     NOT NULL,
    good_rows       bigint      NOT NULL,
    bad_rows        bigint      NOT NULL,
    applied         bigint      NOT NULL,
    created         bigint      NOT NULL,
    changed         bigint      NOT NULL,
    skipped         bigint      NOT NULL,
    refused         jsonb       NOT NULL,
    report          text,
    result          text,
    code            text,
    detail          text        NOT NULL,
    version         bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL
);

CREATE INDEX imports_by_tenant ON imports (tenant, created_at, job_id);

CREATE TABLE exports (
    job_id     text        COLLATE "C" PRIMARY KEY,
    tenant     text        COLLATE "C" NOT NULL,
    actor      text        NOT NULL,
    state      text        NOT NULL,
    filter     text        NOT NULL,
    format     text        NOT NULL,
    columns    jsonb       NOT NULL,
    key_id     text        NOT NULL,
    blob       text,
    rows       bigint      NOT NULL,
    size_bytes bigint      NOT NULL,
    sha256     text,
    snapshot   jsonb       NOT NULL,
    code       text,
    detail     text        NOT NULL,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE INDEX exports_by_tenant ON exports (tenant, created_at, job_id);
