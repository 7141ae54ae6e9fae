"""Examples of bodies for the OpenAPI document: made from the Structs themselves, so none is forgotten or out of date.

A field's example is said here by its name, or by `Struct.field` where one name has several meanings; without either it
follows from the field's type. A test holds the examples to the schemas. No text here is, or looks like, a secret.
"""

from typing import Any, Final

from msgspec import Struct, inspect

_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8200"
_CREATED: Final = "2028-02-28T09:00:00Z"
_CHANGED: Final = "2028-02-29T12:30:00Z"
_LATER: Final = "2029-02-28T12:30:00Z"

LEFT_OUT: Final = object()
"""Stands for a field that the example does without."""

_VALUES: Final[dict[str, Any]] = {
    "about": "new mailboxes.xlsx",
    "actor": f"user:{_ID}",
    "address": "ina@example.org",
    "authority": "District Court, 4 O 17/28",
    "bad_rows_policy": "stop",
    "client": "Mozilla/5.0",
    "client_address": "192.0.2.7",
    "code": "address_taken",
    "created_by": f"user:{_ID}",
    "currency": "EUR",
    "column": "B",
    "columns": ["email", "note"],
    "created_at": _CREATED,
    "decided_by": f"user:{_ID}",
    "detail": "",
    "digest": "0" * 64,
    "ended_by": "system:archive",
    "display_name": "Ina Berger",
    "domain": "example.org",
    "email": "ina@example.org",
    "expected": "8 to 128 characters",
    "expected_digest": "0" * 64,
    "file_name": "new mailboxes.xlsx",
    "filter": "domain = example.org AND note:sales",
    "format": "xlsx",
    "generation": 1,
    "heading": "Password",
    "instance": "/v1/mailboxes",
    "local_part": "ina",
    "mode": "create_only",
    "name": f"operations/{_ID}",
    "next_page_token": "WyJlOTZjYTQ5MWQ1",
    "networks": ["192.0.2.0/24"],
    "names": ["example.org"],
    "note": "Sales, desk 12",
    "old_password": "what it was before today",
    "password": "three words nobody guesses",
    "object_sha256": "0" * 64,
    "placed_by": f"user:{_ID}",
    "plan": "Business 100",
    "pointer": "#/note",
    "position": "WyJtYWlsYm94IiwiZXhhbXBsZS5vcmciLDdd",
    "permissions": [
        {"page": "mailboxes", "actions": ["change"], "scope": "domains", "names": ["example.org"]}
    ],
    "prevhash": "0" * 64,
    "purged_by": "system:archive",
    "reason": "on leave",
    "reference": "2028-000017",
    "requested_by": f"user:{_ID}",
    "secret": None,
    "sha256": "0" * 64,
    "tenant": _ID,
    "tenant_title": "Example Ltd",
    "title": "Example Ltd",
    "token": "the secret of the invitation",
    "trace_id": _ID,
    "uri": None,
    "type": "/docs/problems#address_taken",
    "value": "ina@example",
    "ArchiveView.certificate": None,
    "ArchiveView.destroyed_early": False,
    "ArchiveView.empty": False,
    "ArchiveView.expires_in_s": 31_536_000,
    "ArchiveView.hold_ids": [],
    "ArchiveView.retention_years": 1,
    "ArchiveView.retrieval_id": None,
    "ArchiveView.returned": False,
    "ArchiveView.state": "stored",
    "CertificateView.early": False,
    "CertificateView.kind": "deleted",
    "CertificateView.reason": "",
    "Destruction.confirmation": "ina@example.org",
    "Destruction.reason": "the customer left",
    "EventPlaceView.stream": "example.org",
    "EventPlaceView.topic": "archive.events",
    "HoldView.by_provider": False,
    "HoldView.ids": [_ID],
    "HoldView.reason": "a lawsuit",
    "HoldView.released": False,
    "HoldView.scope": "mailboxes",
    "HoldRelease.reason": "the lawsuit is over",
    "MailboxHeadView.stream": "example.org",
    "MailboxHeadView.topic": "mailbox.events",
    "MailboxView.archive_id": None,
    "NewHold.archive_ids": LEFT_OUT,
    "NewHold.filter": LEFT_OUT,
    "NewHold.mailbox_ids": [_ID],
    "NewHold.reason": "a lawsuit",
    "NewRetrieval.archive_ids": [_ID],
    "PaymentNotice.type": "payment.succeeded",
    "PolicyView.retention_years": 1,
    "Price.amount": 5000,
    "Paid.amount": 5000,
    "RetrievalReceiptView.archives": 1,
    "RetrievalReceiptView.failed": 0,
    "RetrievalReceiptView.reason": "",
    "RetrievalReceiptView.restored": 1,
    "RetrievalReceiptView.state": "restored",
    "RetrievalReceiptView.valid_until": None,
    "RetrievalView.archives": 1,
    "RetrievalView.failed": 0,
    "RetrievalView.reason": "",
    "RetrievalView.reference": None,
    "RetrievalView.restored": 0,
    "RetrievalView.state": "quoted",
    "RetrievedView.refusal": None,
    "Refusal.reason": "not needed any more",
    "Code.code": "123456",
    "SignIn.code": LEFT_OUT,
    "ProblemDocument.tenants": LEFT_OUT,
    "DomainView.display_name": "example.org",
    "MailboxView.expires_at": None,
    "JobLinks.job": f"/v1/imports/{_ID}",
    "JobLinks.operation": f"/v1/operations/{_ID}",
    "JobLinks.result": f"/v1/imports/{_ID}/result",
    "correlation": _ID,
    "Operation.done": False,
    "Operation.error": LEFT_OUT,
    "Operation.response": LEFT_OUT,
    "OperationMetadata.kind": "import",
    "OperationMetadata.state": "applying",
    "ProblemDocument.errors": [],
    "ProblemDocument.status": 409,
    "ProblemDocument.title": "The address is a mailbox already",
    "RowProblem.code": "password_too_short",
    "assigned_to": _ID,
    "found": ["10 mx.example.org"],
    "paid_group": _ID,
    "pattern": "tiktok_{number}",
    "rank": 1000,
    "record_name": "_postfach-challenge.example.org",
    "record_value": "postfach-verification=018f5d1c0d2e4c2a9b7d3f6e5a4c1b20",
    "AliasView.address": "sales@example.org",
    "AliasView.local_part": "sales",
    "CatchAll.target": "ina@example.org",
    "Contact.target": "ina@example.org",
    "NewAlias.local_part": "sales",
    "NewAlias.target": "ina@example.org",
    "NewRule.target": "ina@example.org",
    "RecipientView.address": "tiktok_17@example.org",
    "RecipientView.alias": None,
    "RecipientView.at": None,
    "RecipientView.copy_to": None,
    "RecipientView.passed_over": [],
    "RecipientView.step": "rule",
    "RecordCheck.expected": "10 mx.example.org",
    "RecordCheck.name": "example.org",
    "RuleChange.target": "ina@example.org",
    "RuleView.warnings": [],
    "ImportUndoOrder.drop_targets": False,
    "ImportUndoPlan.drop_targets": False,
    "ImportUndoPreview.confirmation": None,
    "ImportView.code": None,
    "ImportView.plan_applied_by": None,
    "ImportView.plan_counts": None,
    "ImportView.plan_hash": None,
    "ImportView.plan_of": None,
    "ImportView.plan_until": None,
    "ImportView.undone_by": None,
    "PlanRowView.action": "refuse",
    "PlanRowView.mailbox_id": None,
    "plan_hash": "0" * 64,
    "ExportView.code": None,
    "JobView.code": None,
    "JobView.state": "applying",
    "JobView.undone_by": None,
    "BulkActionView.action": "suspend",
    "BulkActionView.code": None,
    "BulkActionView.passwords_taken_at": None,
    "BulkActionView.passwords_until": None,
    "BulkActionView.undo_of": None,
    "BulkActionView.undone_by": None,
    "BulkPreview.confirmation": None,
    "Confirmation.word": "delete",
    "ConfirmationNeeded.word": "delete",
    "MailboxSelection.mailbox_ids": LEFT_OUT,
    "NewBulkAction.action": "suspend",
    "NewBulkAction.note": LEFT_OUT,
    "PlannedBulkAction.action": "suspend",
    "PlannedBulkAction.note": LEFT_OUT,
}


def example_of(kind: type[Struct]) -> Any:
    """Give a body of this kind. A text field that nothing is said about shows its own name, which a test forbids."""
    return _struct(inspect.type_info(kind))


def _struct(info: inspect.Type) -> dict[str, Any]:
    assert isinstance(info, inspect.StructType)
    shown: dict[str, Any] = {}
    if info.tag_field is not None:
        shown[info.tag_field] = info.tag
    for field in info.fields:
        value = _field(info.cls.__name__, field)
        if value is not LEFT_OUT:
            shown[field.encode_name] = value
    return shown


def _field(owner: str, field: inspect.Field) -> Any:
    for name in (f"{owner}.{field.encode_name}", field.encode_name):
        if name in _VALUES:
            return _VALUES[name]
    if field.encode_name == "id" or field.encode_name.endswith("_id"):
        return _ID
    if field.encode_name.endswith(("_until", "expires_at")):
        return _LATER
    return _value(field.type, field.encode_name)


def _value(kind: inspect.Type, name: str) -> Any:
    match kind:
        case inspect.Metadata():
            return _value(kind.type, name)
        case inspect.UnionType():
            kinds = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
            return _value(kinds[0], name)
        case inspect.StructType():
            return _struct(kind)
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.CollectionType():
            return [_value(kind.item_type, name)]
        case inspect.DictType():
            return {}
        case inspect.DateTimeType():
            return _CHANGED
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 3
        case inspect.FloatType():
            return 1.5
        case _:
            return name
