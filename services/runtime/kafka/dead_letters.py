"""Records that can never be processed are put aside with their reason, and the line goes on."""

from datetime import datetime

from aiokafka import ConsumerRecord

from contracts.codec import encode
from contracts.dead_letter import DeadLetter, DeadLetterReason
from services.runtime import metrics
from services.runtime.logs import get_logger

log = get_logger(__name__)


def dead_letter(
    record: ConsumerRecord[bytes, bytes],
    reason: DeadLetterReason,
    detail: str,
    *,
    seen_by: str,
    now: datetime,
) -> tuple[bytes, bytes]:
    """Give key and value of the dead letter of a record, and tell log and metrics of it.

    `detail` says what is wrong with the form; it never repeats content.
    """
    metrics.dead_letters.labels(topic=record.topic, reason=reason).inc()
    log.error(
        "a record is put aside",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        detail=detail,
    )
    letter = DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        detail=detail,
        seen_by=seen_by,
        seen_at=now,
        value=record.value or b"",
    )
    return record.key or b"", encode(letter)
