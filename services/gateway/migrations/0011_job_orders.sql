-- What asked for a job, and the correlation that all events of the job carry. A rebuild of `jobs` fills it for older ones.

CREATE TABLE job_orders (
    job_id      text COLLATE "C" PRIMARY KEY,
    correlation text NOT NULL,
    event_id    text NOT NULL
);
