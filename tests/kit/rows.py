"""Rows of the directory as the folds make them, for tests that ask where mail goes."""

from typing import Any

from msgspec.structs import replace

from contracts.patterns import parse_pattern
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from tests.kit.given import DOMAIN, NOON, US, mailbox_id
from tests.kit.given_routing import alias_id, rule_id


def domain_row(**changes: Any) -> DomainRow:
    """Give an active domain of ours."""
    row = DomainRow(
        domain=DOMAIN,
        tenant=US,
        status="active",
        suspended=False,
        suspended_with_tenant=False,
        mailbox_limit=None,
        mailboxes=0,
        challenge="",
        assigned_to=None,
        group_id=None,
        followed_tenant=0,
        followed_group=0,
        catch_all_id=None,
        catch_all_domain=None,
        copies=False,
        contact_id=None,
        contact_domain=None,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def mailbox_row(name: str, **changes: Any) -> MailboxRow:
    """Give an active mailbox of ours with this local part."""
    row = MailboxRow(
        mailbox_id=mailbox_id(name),
        tenant=US,
        domain=DOMAIN,
        local_part=name,
        note="",
        status="active",
        suspended=False,
        self_service=False,
        credential_id=None,
        generation=1,
        archive_id=None,
        expires_at=None,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def alias_row(name: str, to: str, **changes: Any) -> AliasRow:
    """Give an alias with this local part that leads to the mailbox of a name."""
    row = AliasRow(
        alias_id=alias_id(name),
        tenant=US,
        domain=DOMAIN,
        local_part=name,
        target_id=mailbox_id(to),
        target_domain=DOMAIN,
        removed=False,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def rule_row(name: str, pattern: str, to: str, **changes: Any) -> RuleRow:
    """Give an active rule of a name that leads to the mailbox of another."""
    parsed = parse_pattern(pattern)
    row = RuleRow(
        rule_id=rule_id(name),
        tenant=US,
        domain=DOMAIN,
        pattern=pattern,
        rank=1_000,
        prefix=parsed.prefix,
        suffix=parsed.suffix,
        literals=parsed.literals,
        regex=parsed.regex,
        target_id=mailbox_id(to),
        target_domain=DOMAIN,
        status="active",
        dropped_with=None,
        version=1,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)
