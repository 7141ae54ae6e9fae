"""Every metric of the system, in one list."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

# Deciding: how many commands ended how, and how long a batch takes from its first decision to its commit.
outcomes = Counter("postfach_outcomes", "Commands decided, by outcome code", ["family", "code"])
batch_seconds = Histogram(
    "postfach_batch_seconds", "Deciding and committing one batch", ["family"], buckets=_SECONDS
)
batch_commands = Histogram("postfach_batch_commands", "Commands in one batch", ["family"], buckets=_COUNTS)
restore_seconds = Histogram(
    "postfach_restore_seconds",
    "Rebuilding the state of one partition",
    ["family"],
    buckets=(*_SECONDS, 30, 60),
)
streams_held = Gauge("postfach_streams_held", "Streams in a writer's memory", ["family", "partition"])

# Projecting: how far behind the log a read model is, and how fast it goes.
projected_events = Counter("postfach_projected_events", "Events applied", ["projection"])
apply_seconds = Histogram(
    "postfach_apply_seconds", "Applying one batch of events", ["projection"], buckets=_SECONDS
)
projection_lag_events = Gauge(
    "postfach_projection_lag_events", "Records not yet applied", ["projection", "partition"]
)
projection_lag_seconds = Gauge(
    "postfach_projection_lag_seconds", "Age of the newest applied event while behind", ["projection"]
)
projection_stopped = Gauge(
    "postfach_projection_stopped", "1 when a projection refuses to go on", ["projection"]
)

# Reacting, and what nobody could process.
reactions = Counter("postfach_reactions", "Events a reactor has seen to", ["reactor"])
dead_letters = Counter("postfach_dead_letters", "Records put aside", ["topic", "reason"])

# The clock: how long the day of what should have ended by itself is past, and nothing kept it.
overdue_seconds = Gauge("postfach_overdue_seconds", "Age of the oldest overdue expiry")

# The edge: requests by route and status, streams that go on, and passwords waiting to be hashed.
requests = Counter("postfach_requests", "HTTP requests", ["method", "route", "status"])
request_seconds = Histogram(
    "postfach_request_seconds", "HTTP requests", ["method", "route"], buckets=_SECONDS
)
streams_open = Gauge("postfach_streams_open", "Streams that are being answered")
hash_queue = Gauge("postfach_hash_queue", "Passwords waiting to be hashed")

# The clock of the house: how far a demonstration has moved it forward. Anything but 0 is wrong in production.
clock_shift_seconds = Gauge("postfach_clock_shift_seconds", "The clock is ahead of the machine's by so much")
