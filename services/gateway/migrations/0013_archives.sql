-- Archives, holds and retrievals as contracts/views/archive.py has them, and what their lists are found by.

CREATE TABLE archives (
    archive_id      text        COLLATE "C" PRIMARY KEY,
    tenant          text        COLLATE "C" NOT NULL,
    domain          text        COLLATE "C" NOT NULL,
    mailbox_id      text        COLLATE "C" NOT NULL,
    kind            text        NOT NULL,
    generation      bigint      NOT NULL,
    state           text        NOT NULL,
    expires_at      timestamptz NOT NULL,
    retention_years bigint      NOT NULL,
    empty           boolean     NOT NULL,
    content         jsonb,
    returned        boolean     NOT NULL,
    blocked_by      jsonb       NOT NULL,
    destroyed_early boolean     NOT NULL,
    version         bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    event_id        text        NOT NULL,
    correlation     text        NOT NULL,
    certificate     jsonb,
    ended_by        text,
    ended_why       text        NOT NULL
);

CREATE INDEX archives_by_expiry ON archives (tenant, expires_at, archive_id);
CREATE INDEX archives_by_creation ON archives (tenant, created_at, archive_id);
CREATE INDEX archives_by_domain_expiry ON archives (tenant, domain, expires_at, archive_id);
CREATE INDEX archives_by_domain_creation ON archives (tenant, domain, created_at, archive_id);
CREATE INDEX archives_of_mailbox ON archives (mailbox_id);

CREATE TABLE holds (
    hold_id     text        COLLATE "C" PRIMARY KEY,
    tenant      text        COLLATE "C" NOT NULL,
    domain      text        COLLATE "C" NOT NULL,
    scope       text        NOT NULL,
    ids         jsonb       NOT NULL,
    reason      text        NOT NULL,
    authority   text        NOT NULL,
    by_provider boolean     NOT NULL,
    placed_by   text        NOT NULL,
    released    boolean     NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);

-- Whether an archive is covered is asked by its domain, its mailbox and its own id.
CREATE INDEX holds_by_tenant ON holds (tenant, created_at, hold_id);
CREATE INDEX holds_of_domain ON holds (tenant, domain) WHERE NOT released AND scope = 'domain';
CREATE INDEX holds_of_ids ON holds USING gin (ids) WHERE NOT released;

CREATE TABLE retrievals (
    retrieval_id text        COLLATE "C" PRIMARY KEY,
    tenant       text        COLLATE "C" NOT NULL,
    domain       text        COLLATE "C" NOT NULL,
    state        text        NOT NULL,
    items        jsonb       NOT NULL,
    price        jsonb,
    fixed_price  boolean     NOT NULL,
    valid_until  timestamptz,
    reference    text,
    requested_by text        NOT NULL,
    reason       text        NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    event_id     text        NOT NULL,
    correlation  text        NOT NULL
);

CREATE INDEX retrievals_by_tenant ON retrievals (tenant, created_at, retrieval_id);
CREATE INDEX retrievals_of_archives ON retrievals USING gin (items jsonb_path_ops);
