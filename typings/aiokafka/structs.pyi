from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")

class TopicPartition(NamedTuple):
    topic: str
    partition: int

class OffsetAndMetadata(NamedTuple):
    offset: int
    metadata: str

class RecordMetadata(NamedTuple):
    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int

class ConsumerRecord(Generic[K, V]):
    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: K | None
    value: V | None
    headers: tuple[tuple[str, bytes], ...]
    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: int,
        timestamp_type: int,
        key: K | None,
        value: V | None,
        checksum: int | None,
        serialized_key_size: int,
        serialized_value_size: int,
        headers: tuple[tuple[str, bytes], ...],
    ) -> None: ...
