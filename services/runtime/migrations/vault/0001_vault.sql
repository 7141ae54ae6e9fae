-- Secrets by id. Nothing else in the system holds a password's hash or a sealing key.

CREATE TABLE credentials (
    credential_id text        PRIMARY KEY,
    hash          text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- Sealing keys, each wrapped by the vault's master key. Dropping a row makes what it sealed unreadable for good.
CREATE TABLE seal_keys (
    key_id     text        PRIMARY KEY,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
