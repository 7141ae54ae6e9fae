"""Events of archives, holds and retrievals as their writer would have written them, for tests of whoever reads them."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.archive import (
    ArchiveExpired,
    ArchiveOpened,
    ArchivePacked,
    ArchivePurged,
    ArchiveStored,
    Content,
)
from contracts.codec import encode
from contracts.envelope import FIRST_PREVHASH, EventEnvelope
from contracts.ids import CommandId, EventId, MailboxId, SealKeyId, TenantId, derived_id
from contracts.message import Event, tag_of
from services.runtime.ids import new_id

NOON = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


@dataclass
class ArchiveLog:
    """The stream of one domain. `values` are its records' values in order."""

    tenant: str
    domain: str
    values: list[bytes] = field(default_factory=list[bytes])
    _versions: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, subject: str, data: Event, actor: str = "system:archive") -> EventEnvelope[Any]:
        """Append one event."""
        number = len(self.values) + 1
        version = self._versions[subject] = self._versions.get(subject, 0) + 1
        event = EventEnvelope[Any](
            id=EventId(derived_id(subject, str(version))),
            source="/postfach/archive",
            type=tag_of(data),
            subject=subject,
            time=NOON + timedelta(seconds=number),
            tenant=TenantId(self.tenant),
            stream=self.domain,
            streamseq=number,
            version=version,
            command=CommandId(derived_id(subject, f"command {version}")),
            part="1/1",
            correlation="a-test",
            causation="a-test",
            actor=actor,  # type: ignore[arg-type]
            writer=1,
            prevhash=hashlib.sha256(self.values[-1]).hexdigest() if self.values else FIRST_PREVHASH,
            data=data,
        )
        self.values.append(encode(event))
        return event

    def stored(
        self, mailbox_id: str | None = None, *, kind: Any = "deleted", size: int = 1_000, days: int = 365
    ) -> str:
        """Put content away until so many days later, and give the archive's id."""
        archive_id = new_id()
        opened = ArchiveOpened(
            mailbox_id=MailboxId(mailbox_id or new_id()),
            kind=kind,
            generation=1,
            expires_at=NOON + timedelta(days=days),
            retention_years=1,
        )
        self.add(archive_id, opened)
        self.add(archive_id, ArchivePacked(content=a_content(archive_id, size)))
        self.add(archive_id, ArchiveStored())
        return archive_id

    def purged(self, archive_id: str, mailbox_id: str, **fields: Any) -> None:
        """Let an archive's time come, and destroy it."""
        self.add(archive_id, ArchiveExpired())
        self.add(archive_id, a_purge(archive_id, mailbox_id, **fields))


def a_content(archive_id: str, size: int = 1_000) -> Content:
    """Give what a packing reports: three messages."""
    return Content(
        messages=3,
        size_bytes=size,
        packed_bytes=size // 2,
        sha256="a" * 64,
        blob=f"archives/{archive_id}/1",
        key_id=derived_id(archive_id, "key"),
    )


def a_purge(archive_id: str, mailbox_id: str, **fields: Any) -> ArchivePurged:
    """Give the last event of an archive."""
    usual: dict[str, Any] = {
        "mailbox_id": MailboxId(mailbox_id),
        "kind": "deleted",
        "mailbox_purged": False,
        "early": False,
        "retention_years": 1,
        "expires_at": NOON + YEAR,
        "key_id": SealKeyId(derived_id(archive_id, "key")),
        "sha256": "a" * 64,
        "credential_id": None,
        "head": None,
    }
    return ArchivePurged(**usual | fields)
