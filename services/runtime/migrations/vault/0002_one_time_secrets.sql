-- Secrets that one-time codes are made of (RFC 6238), wrapped by the vault's master key. used_step is the newest time
-- step whose code was accepted; no code of it or of an earlier one is accepted again.
CREATE TABLE one_time_secrets (
    secret_id  text        PRIMARY KEY,
    wrapped    bytea       NOT NULL,
    used_step  bigint      NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
