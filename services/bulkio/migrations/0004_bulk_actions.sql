-- Bulk actions as contracts/views/bulk_actions.py has them. What is cleaned up after them is remembered in job_cleanups:
-- a row once there are no passwords to fetch, results_removed_at as for every job.

CREATE TABLE bulk_actions (
    job_id             text        COLLATE "C" PRIMARY KEY,
    tenant             text        COLLATE "C" NOT NULL,
    actor              text        NOT NULL,
    state              text        NOT NULL,
    action             text        NOT NULL,
    filter             text        NOT NULL,
    wanted             text,
    undo_of            text,
    undone_by          text,
    note               text        NOT NULL,
    drop_targets       boolean     NOT NULL,
    reason             text        NOT NULL,
    expected_count     bigint      NOT NULL,
    expected_digest    text,
    needs_approval     boolean     NOT NULL,
    key_id             text        NOT NULL,
    passwords_key_id   text,
    within             jsonb,
    total              bigint      NOT NULL,
    digest             text,
    snapshot           jsonb       NOT NULL,
    approval_until     timestamptz,
    decided_by         text,
    applied            bigint      NOT NULL,
    changed            bigint      NOT NULL,
    unchanged          bigint      NOT NULL,
    refusals           jsonb       NOT NULL,
    passwords_until    timestamptz,
    passwords_taken_at timestamptz,
    code               text,
    detail             text        NOT NULL,
    version            bigint      NOT NULL,
    created_at         timestamptz NOT NULL,
    changed_at         timestamptz NOT NULL
);

CREATE INDEX bulk_actions_by_tenant ON bulk_actions (tenant, job_id);
CREATE INDEX bulk_actions_unfinished ON bulk_actions (created_at)
    WHERE state NOT IN ('finished', 'cancelled', 'failed', 'declined', 'lapsed');
CREATE INDEX bulk_actions_with_passwords ON bulk_actions (job_id)
    WHERE passwords_key_id IS NOT NULL AND passwords_taken_at IS NULL;
