-- What bulkio keeps of the log: the rows of contracts/views.py, each table with exactly the columns of its row.

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
    changed_at    timestamptz NOT NULL
);

-- An export walks a tenant in this order; a check asks for the addresses of a file.
CREATE INDEX mailboxes_by_address ON mailboxes (tenant, domain, local_part, mailbox_id);

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

CREATE INDEX imports_by_tenant ON imports (tenant, job_id);
CREATE INDEX imports_unfinished ON imports (created_at)
    WHERE state NOT IN ('planned', 'cancelled', 'finished', 'failed');

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

CREATE INDEX exports_by_tenant ON exports (tenant, job_id);
CREATE INDEX exports_unfinished ON exports (created_at) WHERE state = 'requested';

-- The event that asked for a job, which all its commands refer to.
CREATE TABLE job_orders (
    job_id      text COLLATE "C" PRIMARY KEY,
    correlation text NOT NULL,
    event_id    text NOT NULL
);
