-- Where mail goes: the rows of contracts/views/routing.py, and what was so at any past moment.
--
-- There are no rules and aliases from before. Domains and deletions there are, but what happened to them is not told
-- by their rows: one `rebuild mailboxes` fills routing_facts (docs/operations.md, "Upgrading").

CREATE TABLE rules (
    rule_id       text        COLLATE "C" PRIMARY KEY,
    tenant        text        COLLATE "C" NOT NULL,
    domain        text        COLLATE "C" NOT NULL,
    pattern       text        NOT NULL,
    rank          bigint      NOT NULL,
    prefix        text        COLLATE "C" NOT NULL,
    suffix        text        COLLATE "C" NOT NULL,
    literals      bigint      NOT NULL,
    regex         text        NOT NULL,
    target_id     text        COLLATE "C" NOT NULL,
    target_domain text        NOT NULL,
    status        text        NOT NULL,
    dropped_with  text,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

-- In the order of evaluation, and by how an address begins and ends.
CREATE INDEX rules_in_order ON rules (tenant, domain, rank, (-literals), rule_id) WHERE status <> 'removed';
CREATE INDEX rules_by_ends ON rules (tenant, domain, prefix, suffix) WHERE status = 'active';

CREATE TABLE aliases (
    alias_id      text        COLLATE "C" PRIMARY KEY,
    tenant        text        COLLATE "C" NOT NULL,
    domain        text        COLLATE "C" NOT NULL,
    local_part    text        COLLATE "C" NOT NULL,
    target_id     text        COLLATE "C" NOT NULL,
    target_domain text        NOT NULL,
    removed       boolean     NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE INDEX aliases_by_address ON aliases (tenant, domain, local_part, alias_id) WHERE NOT removed;

-- One row for each event that changes where mail goes. Mailboxes are told by their own rows, but for deletions and
-- restorations, so that a million new mailboxes write nothing here. event is the event's data as JSON, and empty for
-- those two: all that matters of them is that they happened.
CREATE TABLE routing_facts (
    event_id   text        COLLATE "C" PRIMARY KEY,
    tenant     text        COLLATE "C" NOT NULL,
    domain     text        COLLATE "C" NOT NULL,
    subject    text        COLLATE "C" NOT NULL,
    streamseq  bigint      NOT NULL,
    version    bigint      NOT NULL,
    at         timestamptz NOT NULL,
    kind       text        NOT NULL,
    prefix     text        COLLATE "C",
    suffix     text        COLLATE "C",
    local_part text        COLLATE "C",
    event      text        NOT NULL
);

CREATE INDEX routing_facts_of_subject ON routing_facts (subject, streamseq);
CREATE INDEX routing_facts_by_ends ON routing_facts (tenant, domain, prefix, suffix) WHERE prefix IS NOT NULL;
CREATE INDEX routing_facts_by_alias ON routing_facts (tenant, domain, local_part) WHERE local_part IS NOT NULL;
