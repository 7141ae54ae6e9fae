-- How far each projection of this schema has read, and where each stream stands. Both change in the same transaction
-- as the rows they speak of, so they are the truth; the offsets of a consumer group are not.

CREATE TABLE projection_checkpoints (
    projection  text   NOT NULL,
    topic       text   NOT NULL,
    "partition" int    NOT NULL,
    next_offset bigint NOT NULL,
    owner_epoch bigint NOT NULL,
    PRIMARY KEY (projection, topic, "partition")
);

CREATE TABLE projection_streams (
    projection  text        NOT NULL,
    stream      text        NOT NULL,
    "partition" int         NOT NULL,
    streamseq   bigint      NOT NULL,
    tail_hash   text        NOT NULL,
    last_time   timestamptz NOT NULL,
    PRIMARY KEY (projection, stream)
);

CREATE INDEX projection_streams_by_partition ON projection_streams (projection, "partition");
