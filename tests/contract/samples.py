"""Sample messages from which the frozen examples were made; the committed files are what counts."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, inspect

from contracts.codec import encode
from contracts.dead_letter import DeadLetter, DeadLetterReason
from contracts.envelope import FIRST_PREVHASH, CommandEnvelope, EventEnvelope
from contracts.ids import ActorName, CommandId, JobId, TenantId, event_id
from contracts.message import tag_of
from contracts.outcome import Outcome, RefusalCode
from contracts.progress import JobProgress
from contracts.topics import ACCESS, ARCHIVE, BULKIO, BULKIO_PROGRESS, DEAD_LETTERS, MAILBOX

TENANT: Final = TenantId("01890a5d-ac96-774b-bcce-b302099a8057")
COMMAND: Final = CommandId("01890a5d-ac96-774b-bcce-b302099a8100")
THING: Final = "01890a5d-ac96-774b-bcce-b302099a8200"
CORRELATION: Final = "01890a5d-ac96-774b-bcce-b302099a8300"
DOMAIN: Final = "xn--bcher-kva.example"
MOMENT: Final = datetime(2028, 2, 29, 12, 30, 15, 123456, UTC)
ONE_YEAR_LATER: Final = datetime(2029, 2, 28, 12, 30, 15, 123456, UTC)

_BY_FIELD: Final[dict[str, Any]] = {
    "local_part": "björn.o'neil+news",
    "note": "Empfang – 前台",
    "title": "Bücher Müller GmbH",
    "reason": "unpaid invoice",
    "file_name": "neue Postfächer.xlsx",
    "filter": 'domain = "xn--bcher-kva.example"',
    "code": "file_not_a_workbook",
    "detail": "sheet Mailboxes, cell B7",
    "blob": f"imports/{THING}",
    "report": f"reports/{THING}",
    "result": f"results/{THING}",
    "sha256": "a" * 64,
    "proof": "txt_record",
    "snapshot": {"mailbox.events/0": 4711},
    "generation": 2,
    "retention_years": 1,
    "expires_at": ONE_YEAR_LATER,
    "email": "björn.o'neil@xn--bcher-kva.example",
    "display_name": "Björn O'Neil – 比約恩",
    "names": ("xn--bcher-kva.example",),
    "networks": ("192.0.2.0/24", "2001:db8::/32"),
    "client_address": "2001:db8::1",
    "plan": "business",
    "domain": DOMAIN,
    "target_domain": DOMAIN,
    "pattern": "tiktok_{number}",
    "rank": 100,
    "digest": "b" * 64,
    "expected_digest": "b" * 64,
    "refusals": {"mailbox_deleted": 2},
    "until": ONE_YEAR_LATER,
    "passwords_until": ONE_YEAR_LATER,
    "as_of": 7,
    "refusal": "mailbox_deleted",
    "valid_until": ONE_YEAR_LATER,
    "authority": "Amtsgericht München, 12 Gs 345/28",
    "currency": "EUR",
    "reference": "INV-2029-0815",
}


def sample(message: type[Struct]) -> Struct:
    """Give a message with every field filled, optional ones too."""
    info = inspect.type_info(message)
    assert isinstance(info, inspect.StructType)
    return message(
        **{
            field.name: _BY_FIELD[field.name] if field.name in _BY_FIELD else _value(field.type)
            for field in info.fields
        }
    )


def _value(kind: inspect.Type) -> Any:
    match kind:
        case inspect.Metadata():
            return _value(kind.type)
        case inspect.UnionType():
            return _value(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
        case inspect.LiteralType():
            return kind.values[-1]
        case inspect.StrType():
            return THING
        case inspect.IntType():
            return 3
        case inspect.BoolType():
            return True
        case inspect.VarTupleType():
            return (_value(kind.item_type),)
        case inspect.StructType():
            return sample(kind.cls)
        case _:
            raise AssertionError(f"a message has a field of a kind without a sample: {kind}")


_OF_DOMAINS: Final = {"contracts.mailbox", "contracts.routing", "contracts.archive", "contracts.retrieval"}


def _stream(message: type[Struct]) -> str:
    return DOMAIN if message.__module__ in _OF_DOMAINS else TENANT


def sample_command(message: type[Struct]) -> CommandEnvelope[Any]:
    """Give a command on its way."""
    return CommandEnvelope(
        id=COMMAND,
        tenant=TENANT,
        stream=_stream(message),
        actor=ActorName("owner:demo"),
        correlation=CORRELATION,
        causation=CORRELATION,
        sent_at=MOMENT,
        data=sample(message),
        expected_version=3,
    )


def sample_event(message: type[Struct]) -> EventEnvelope[Any]:
    """Give an event of the log."""
    return EventEnvelope(
        id=event_id(COMMAND, 1),
        source="/postfach/mailbox",
        type=tag_of(message),
        subject=THING,
        time=MOMENT,
        tenant=TENANT,
        stream=_stream(message),
        streamseq=7,
        version=4,
        command=COMMAND,
        part="1/1",
        correlation=CORRELATION,
        causation=CORRELATION,
        actor=ActorName("owner:demo"),
        writer=1000 << 16 | 2,
        prevhash=FIRST_PREVHASH,
        data=sample(message),
    )


def _outcome(stream: str, **rest: Any) -> Outcome:
    return Outcome(
        command=COMMAND,
        tenant=TENANT,
        stream=stream,
        correlation=CORRELATION,
        subject=THING,
        decided_at=MOMENT,
        streamseq=7,
        version=4,
        **rest,
    )


def _outcomes(topic: str, stream: str) -> dict[tuple[str, str], Struct]:
    return {
        (topic, "accepted"): _outcome(stream, status="accepted", events=1),
        (topic, "already_so"): _outcome(stream, status="accepted"),
        (topic, "refused"): _outcome(
            stream, status="refused", code=RefusalCode.VERSION_MISMATCH, detail="for people"
        ),
        (topic, "repeated"): _outcome(stream, status="accepted", events=1, repeated=True),
    }


def _dead_letter(reason: DeadLetterReason, value: bytes) -> DeadLetter:
    return DeadLetter(
        topic=MAILBOX.commands.name,
        partition=5,
        offset=42,
        reason=reason,
        detail="the key is not the stream",
        seen_by="/postfach/mailbox",
        seen_at=MOMENT,
        value=value,
    )


def _progress() -> JobProgress:
    return JobProgress(
        job_id=JobId(THING),
        tenant=TenantId(TENANT),
        kind="import",
        phase="applying",
        rows_total=5_000,
        rows_checked=5_000,
        rows_hashed=1_200,
        rows_decided=1_070,
        rows_per_second=41.5,
        at=MOMENT,
    )


OTHER_SAMPLES: Final[dict[tuple[str, str], Struct]] = {
    **_outcomes(ACCESS.outcomes.name, TENANT),
    **_outcomes(MAILBOX.outcomes.name, DOMAIN),
    **_outcomes(BULKIO.outcomes.name, TENANT),
    **_outcomes(ARCHIVE.outcomes.name, DOMAIN),
    (BULKIO_PROGRESS.name, "job_progress"): _progress(),
    (DEAD_LETTERS.name, "malformed"): _dead_letter(DeadLetterReason.MALFORMED, b"\xff\x00 no json"),
    (DEAD_LETTERS.name, "wrong_key"): _dead_letter(DeadLetterReason.WRONG_KEY, encode(CORRELATION)),
}
"""Samples of the topics whose messages have no tag, by topic and name."""
