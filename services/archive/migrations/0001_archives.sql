-- What the archive service keeps of the log: the rows of contracts/views/archive.py, each table with exactly the columns
-- of its row.

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
    certificate     jsonb
);

-- A writer reads back its domains; work on a mailbox goes through its archives in their order.
CREATE INDEX archives_by_domain ON archives (domain);
CREATE INDEX archives_by_mailbox ON archives (mailbox_id, generation);
-- What is due, tenant by tenant, oldest first; and what somebody has to work on.
CREATE INDEX archives_due ON archives (tenant, expires_at) WHERE state = 'stored';
CREATE INDEX archives_oldest_due ON archives (expires_at) WHERE state = 'stored';
CREATE INDEX archives_to_move ON archives (tenant, changed_at) WHERE state IN ('opened', 'packed', 'returning');
CREATE INDEX archives_to_purge ON archives (tenant, changed_at) WHERE state = 'expired';

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

CREATE INDEX holds_by_domain ON holds (domain);

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

CREATE INDEX retrievals_by_domain ON retrievals (domain);
CREATE INDEX retrievals_to_work_on ON retrievals (created_at) WHERE state IN ('paid', 'restoring');
CREATE INDEX retrievals_waiting ON retrievals (valid_until) WHERE valid_until IS NOT NULL;
