-- Imports beyond the ordinary limits, and the refused rows of all imports: a job's own row keeps only the first of them.

ALTER TABLE imports ADD COLUMN large boolean NOT NULL DEFAULT false;

-- One row per report that names refused rows; `first` and `last` are places among the good rows of the file.
CREATE TABLE refused_rows (
    event_id text   COLLATE "C" PRIMARY KEY,
    job_id   text   COLLATE "C" NOT NULL,
    first    bigint NOT NULL,
    last     bigint NOT NULL,
    refused  jsonb  NOT NULL
);

CREATE INDEX refused_rows_by_job ON refused_rows (job_id, first);
