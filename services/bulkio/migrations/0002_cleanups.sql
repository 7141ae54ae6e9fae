-- Which ended jobs were cleaned up after. These rows are not made from events; should they be lost, the cleaning is done
-- once more and finds nothing left to do.

CREATE TABLE job_cleanups (
    job_id             text        COLLATE "C" PRIMARY KEY,
    source_removed_at  timestamptz NOT NULL DEFAULT now(),
    results_removed_at timestamptz
);
