-- What the gateway remembers of requests for a day. These rows are not made from events and a rebuild leaves them out.

-- One row a (principal, Idempotency-Key). While answer is null the request runs; lease_until tells how long its runner
-- may be believed to be alive. thing_id names the command and what it makes, for every runner alike.
CREATE TABLE idempotency_keys (
    principal    text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    thing_id     text        NOT NULL,
    lease_until  timestamptz NOT NULL,
    answer       bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Commands whose outcome did not come in time. Sending one again gives the outcome it had, so nothing else is kept.
CREATE TABLE pending_commands (
    command_id text        PRIMARY KEY,
    tenant     text        NOT NULL,
    family     text        NOT NULL,
    envelope   bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX pending_commands_by_age ON pending_commands (created_at);
