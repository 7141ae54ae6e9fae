-- Whether an import may be beyond the ordinary limits: see contracts/views/jobs.py.

ALTER TABLE imports ADD COLUMN large boolean NOT NULL DEFAULT false;
