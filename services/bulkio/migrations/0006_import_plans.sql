-- Dry runs have a plan with a hash, which can be applied: see contracts/views/jobs.py.

ALTER TABLE imports
    ADD COLUMN plan_of         text,
    ADD COLUMN expected_plan   text,
    ADD COLUMN plan_hash       text,
    ADD COLUMN plan_counts     jsonb,
    ADD COLUMN plan_until      timestamptz,
    ADD COLUMN plan_applied_by text;
