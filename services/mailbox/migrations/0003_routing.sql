-- Where mail goes: what a domain has learned since, its rules and aliases, and the order in which an address finds
-- its mailbox. The columns are those of the rows in contracts/views.
--
-- Rows from before: nothing could suspend a domain but an operator, no tenant or paid group was followed, and there
-- were no rules, aliases, catch-alls and contacts. So the defaults are right, both new tables are rightly empty, and
-- no rebuild is needed.

ALTER TABLE domains
    ADD COLUMN suspended             boolean NOT NULL DEFAULT false,
    ADD COLUMN suspended_with_tenant boolean NOT NULL DEFAULT false,
    ADD COLUMN challenge             text    NOT NULL DEFAULT '',
    ADD COLUMN assigned_to           text,
    ADD COLUMN group_id              text,
    ADD COLUMN followed_tenant       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN followed_group        bigint  NOT NULL DEFAULT 0,
    ADD COLUMN catch_all_id          text,
    ADD COLUMN catch_all_domain      text,
    ADD COLUMN copies                boolean NOT NULL DEFAULT false,
    ADD COLUMN contact_id            text,
    ADD COLUMN contact_domain        text;

UPDATE domains SET suspended = true WHERE status = 'suspended';

ALTER TABLE domains
    ALTER COLUMN suspended             DROP DEFAULT,
    ALTER COLUMN suspended_with_tenant DROP DEFAULT,
    ALTER COLUMN challenge             DROP DEFAULT,
    ALTER COLUMN followed_tenant       DROP DEFAULT,
    ALTER COLUMN followed_group        DROP DEFAULT,
    ALTER COLUMN copies                DROP DEFAULT;

-- skeleton is the pattern for LIKE, with a character or more for each placeholder: it lets through whatever the
-- pattern matches and little else, for a hundredth of what a regular expression costs that is met for the first time.
CREATE TABLE rules (
    rule_id       text        COLLATE "C" PRIMARY KEY,
    tenant        text        NOT NULL,
    domain        text        COLLATE "C" NOT NULL,
    pattern       text        COLLATE "C" NOT NULL,
    rank          bigint      NOT NULL,
    prefix        text        COLLATE "C" NOT NULL,
    suffix        text        COLLATE "C" NOT NULL,
    literals      bigint      NOT NULL,
    regex         text        COLLATE "C" NOT NULL,
    target_id     text        NOT NULL,
    target_domain text        NOT NULL,
    status        text        NOT NULL,
    dropped_with  text,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    skeleton      text        COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        replace(replace(replace(replace(replace(pattern, '%', '\%'), '_', '\_'),
            '{number}', '_%'), '{word}', '_%'), '{any}', '_%')
    ) STORED
);

-- All rules of a domain, for the writer's snapshot; those that an address may match, for a look-up.
CREATE INDEX rules_of_domain ON rules (domain);
CREATE INDEX rules_by_ends ON rules (domain, prefix, suffix) WHERE status = 'active';

CREATE TABLE aliases (
    alias_id      text        COLLATE "C" PRIMARY KEY,
    tenant        text        NOT NULL,
    domain        text        COLLATE "C" NOT NULL,
    local_part    text        COLLATE "C" NOT NULL,
    target_id     text        NOT NULL,
    target_domain text        NOT NULL,
    removed       boolean     NOT NULL,
    version       bigint      NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);

CREATE INDEX aliases_of_domain ON aliases (domain);
CREATE INDEX aliases_by_address ON aliases (domain, local_part) WHERE NOT removed;

-- The id of a mailbox if it can receive mail for this tenant: it is the tenant's and not deleted.
CREATE FUNCTION receiving(wanted_id text, wanted_tenant text) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT m.mailbox_id FROM mailboxes AS m
    WHERE m.mailbox_id = wanted_id AND m.tenant = wanted_tenant AND m.status <> 'deleted'
$$;

-- The mailbox at an address of a domain, or the one that its alias leads to.
CREATE FUNCTION at_address(wanted_domain text, wanted_tenant text, wanted text)
RETURNS TABLE (mailbox_id text, step text, via text)
LANGUAGE sql STABLE
AS $$
    (
        SELECT m.mailbox_id, 'mailbox', NULL FROM mailboxes AS m
        WHERE m.domain = wanted_domain AND m.local_part = wanted AND m.tenant = wanted_tenant
            AND m.status <> 'deleted'
    )
    UNION ALL
    (
        SELECT m.mailbox_id, 'alias', a.alias_id FROM aliases AS a JOIN mailboxes AS m ON m.mailbox_id = a.target_id
        WHERE a.domain = wanted_domain AND a.local_part = wanted AND NOT a.removed
            AND m.tenant = wanted_tenant AND m.status <> 'deleted'
    )
    LIMIT 1
$$;

-- Where mail for an address goes. The same order is contracts/recipients.py, which says more about it; a property
-- test holds both together. The first row is the mailbox, a second one that of the copy; no row means refused.
--
-- An empty argument is a fault, not an unknown address: a mail server that has lost its connection has been seen to
-- ask with empty texts, and no row would refuse good mail for ever. A raised error only delays it.
CREATE FUNCTION resolve_recipient(address text)
RETURNS TABLE (mailbox_id text, step text, via text, is_copy boolean)
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
AS $$
DECLARE
    at_sign   int := length(address) - position('@' IN reverse(address)) + 1;
    wanted    text COLLATE "C";
    untagged  text COLLATE "C";
    of_domain domains%ROWTYPE;
    candidate record;
BEGIN
    IF address IS NULL OR address = '' OR address LIKE '@%' OR address LIKE '%@' THEN
        RAISE EXCEPTION 'an address is needed' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One form, as contracts/addresses.py makes it. The collation's lower case is Unicode's, with what one letter
    -- becomes several.
    wanted := lower(normalize(left(address, at_sign - 1), NFC) COLLATE "pg_unicode_fast");
    untagged := split_part(wanted, '+', 1);
    is_copy := false;

    SELECT d.* INTO of_domain FROM domains AS d
    WHERE d.domain = lower(substr(address, at_sign + 1) COLLATE "C") AND d.status IN ('active', 'suspended');
    IF NOT FOUND THEN
        RETURN;
    END IF;

    <<search>>
    BEGIN
        SELECT f.mailbox_id, f.step, f.via INTO mailbox_id, step, via
        FROM at_address(of_domain.domain, of_domain.tenant, wanted) AS f;
        EXIT search WHEN FOUND;

        IF untagged NOT IN ('', wanted) THEN
            SELECT f.mailbox_id, f.step || '_without_tag', f.via INTO mailbox_id, step, via
            FROM at_address(of_domain.domain, of_domain.tenant, untagged) AS f;
            EXIT search WHEN FOUND;
        END IF;

        IF wanted NOT IN ('postmaster', 'abuse') THEN
            step := 'rule';
            -- Tried one by one, for PostgreSQL would else prepare the regular expressions of all of them first.
            FOR candidate IN
                SELECT r.rule_id, r.regex, r.target_id FROM rules AS r
                WHERE r.domain = of_domain.domain AND r.status = 'active'
                    AND r.prefix = ANY (ARRAY(SELECT left(wanted, n) FROM generate_series(0, length(wanted)) AS n))
                    AND r.suffix = ANY (ARRAY(SELECT right(wanted, n) FROM generate_series(0, length(wanted)) AS n))
                    AND wanted LIKE r.skeleton
                ORDER BY r.rank, r.literals DESC, r.rule_id
            LOOP
                IF wanted ~ candidate.regex THEN
                    mailbox_id := receiving(candidate.target_id, of_domain.tenant);
                    via := candidate.rule_id;
                    EXIT search WHEN mailbox_id IS NOT NULL;
                END IF;
            END LOOP;
        END IF;

        via := NULL;
        step := 'catch_all';
        mailbox_id := receiving(of_domain.catch_all_id, of_domain.tenant);
        EXIT search WHEN mailbox_id IS NOT NULL OR wanted NOT IN ('postmaster', 'abuse');
        step := 'contact';
        mailbox_id := receiving(of_domain.contact_id, of_domain.tenant);
    END;

    IF mailbox_id IS NULL THEN
        RETURN;
    END IF;
    RETURN NEXT;
    IF of_domain.copies AND of_domain.catch_all_id <> mailbox_id THEN
        mailbox_id := receiving(of_domain.catch_all_id, of_domain.tenant);
        is_copy := true;
        IF mailbox_id IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END IF;
END
$$;
