"""The rules of the domain once more, as plainly as they can be said, to judge the events that the deciders wrote."""

from collections.abc import Iterator
from typing import Any, Protocol

from contracts.envelope import EventEnvelope
from contracts.topics import ACCESS, ARCHIVE, BULKIO, MAILBOX, Family
from tests.oracle.archive_rules import ArchiveRules
from tests.oracle.job_rules import JobRules
from tests.oracle.mailbox_rules import MailboxRules
from tests.oracle.tenant_rules import TenantRules


class RuleBook(Protocol):
    """Judges the events of the streams of one family, in their order."""

    def broken_by(self, event: EventEnvelope[Any]) -> Iterator[str]:
        """Take one event and give the rules that it breaks."""
        ...


def rules_of(family: Family[Any, Any]) -> RuleBook:
    """Give a fresh rule book for the streams of a family."""
    books: dict[str, type[RuleBook]] = {
        MAILBOX.name: MailboxRules,
        ACCESS.name: TenantRules,
        BULKIO.name: JobRules,
        ARCHIVE.name: ArchiveRules,
    }
    return books[family.name]()
