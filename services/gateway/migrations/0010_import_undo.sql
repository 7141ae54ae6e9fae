-- The undo of imports: which job takes one back, and which existing mailboxes an import changed.

ALTER TABLE imports ADD COLUMN undone_by text;

-- One row per report that names such rows; `first` and `last` are places among the good rows of the file.
CREATE TABLE changed_rows (
    event_id text   COLLATE "C" PRIMARY KEY,
    job_id   text   COLLATE "C" NOT NULL,
    first    bigint NOT NULL,
    last     bigint NOT NULL,
    changed  jsonb  NOT NULL
);

CREATE INDEX changed_rows_by_job ON changed_rows (job_id, first);
