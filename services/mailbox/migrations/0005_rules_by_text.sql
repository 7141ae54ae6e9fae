-- Rules that all begin and end alike, such as {any}name{any} for each of 10,000 names, are found by an index too: by
-- the literal text between two placeholders, which an address has to contain. Of the first such text its last four
-- characters are enough: names that begin alike seldom end alike.
--
-- PostgreSQL walks the four columns of the index from one value that occurs to the next, so it does not matter that an
-- address of 64 characters has 65 beginnings, 65 endings and 250 middles.

ALTER TABLE rules ADD COLUMN middle text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
    right(coalesce(substring(pattern FROM '\}([^{}]+)\{'), ''), 4)
) STORED;

DROP INDEX rules_by_ends;
CREATE INDEX rules_by_text ON rules (domain, prefix, suffix, middle) WHERE status = 'active';

-- As in 0003_routing.sql, which says what is behind it; only the look-up of rules is another.
CREATE OR REPLACE FUNCTION resolve_recipient(address text)
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
                    AND r.middle = ANY (ARRAY(
                        SELECT substr(wanted, n, size)
                        FROM generate_series(1, length(wanted)) AS n, generate_series(0, 4) AS size
                    ))
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
