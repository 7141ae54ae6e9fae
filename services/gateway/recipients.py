"""Who gets the mail for an address, now or at a past moment: the rows that may decide, for `contracts.recipients`.

Both answers are made from one snapshot. The rows that may decide are found by index, whatever the number of rules is:
of the rules that match, only the first that leads to somebody and some of those passed over before it are looked at.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# SQL is put together from column names alone; ruff can't see that no value is among them.
# ruff: noqa: S608

from collections.abc import Collection
from datetime import datetime
from typing import Final, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from contracts.recipients import (
    Route,
    prefixes_of,
    resolve,
    suffixes_of,
    wanted_local_parts,
    wanted_targets,
)
from contracts.views.mailbox import DomainRow, MailboxRow
from contracts.views.routing import AliasRow, RuleRow
from services.gateway.routing_facts import RoutingFactRow, RoutingPast
from services.runtime.rows import RowStore

PASSED_OVER_RULES_MAX: Final = 50

_Connection = PoolConnectionProxy
R = TypeVar("R", bound=Struct)

_DOMAINS: Final = RowStore("domains", DomainRow, "domain")
_MAILBOXES: Final = RowStore("mailboxes", MailboxRow, "mailbox_id")
_RULES: Final = RowStore("rules", RuleRow, "rule_id")
_ALIASES: Final = RowStore("aliases", AliasRow, "alias_id")
_FACTS: Final = RowStore("routing_facts", RoutingFactRow, "event_id")


class PastNotKnown(Exception):
    """The domain existed at that moment, but what happened to it before is not in the read model."""


class Resolution(Struct, frozen=True, kw_only=True):
    """Where mail goes, and the rows that the answer speaks of, by id. Without a domain there was none at that moment."""

    route: Route
    domain: DomainRow | None
    mailboxes: dict[str, MailboxRow]
    rules: dict[str, RuleRow]
    aliases: dict[str, AliasRow]


async def recipient_now(pool: asyncpg.Pool, tenant: str, domain: str, local_part: str) -> Resolution:
    """Say who gets the mail for a local part of the tenant's domain now."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        row = (await _DOMAINS.load(connection, [domain])).get(domain)
        if row is None or row.tenant != tenant:
            return _nowhere()
        aliases = await _aliases_now(connection, row, local_part)
        rules = await _rules_now(connection, row, local_part)
        return await _resolved(connection, row, local_part, aliases, rules, at=None)


async def recipient_at(
    pool: asyncpg.Pool, tenant: str, domain: str, local_part: str, at: datetime
) -> Resolution:
    """Say who got the mail for a local part of the tenant's domain at a moment. Raises PastNotKnown."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        past = RoutingPast()
        records = await connection.fetch(
            _FACTS_BEFORE,
            tenant,
            domain,
            at,
            prefixes_of(local_part),
            suffixes_of(local_part),
            list(wanted_local_parts(local_part)),
        )
        for record in records:
            past.tell(_FACTS.row_of(record))
        if past.domain is None:
            if await connection.fetchval(_REGISTERED_BEFORE, tenant, domain, at):
                raise PastNotKnown
            return _nowhere()
        rules, aliases = list(past.rules.values()), list(past.aliases.values())
        return await _resolved(connection, past.domain, local_part, aliases, rules, at)


def _nowhere() -> Resolution:
    return Resolution(route=Route(step="refused"), domain=None, mailboxes={}, rules={}, aliases={})


async def _resolved(
    connection: _Connection,
    domain: DomainRow,
    local_part: str,
    aliases: Collection[AliasRow],
    rules: Collection[RuleRow],
    at: datetime | None,
) -> Resolution:
    records = await connection.fetch(
        _MAILBOXES_AT,
        domain.tenant,
        domain.domain,
        list(wanted_local_parts(local_part)),
        list(wanted_targets(domain, aliases, rules)),
        at,
    )
    mailboxes = {row.mailbox_id: row for row in map(_MAILBOXES.row_of, records)}
    if at is not None:
        deleted = {record["subject"] for record in await connection.fetch(_DELETED_AT, list(mailboxes), at)}
        for mailbox in mailboxes.values():
            # Suspended ones receive as well, so this is all that matters of the status.
            mailbox.status = "deleted" if mailbox.mailbox_id in deleted else "active"
    route = resolve(domain, local_part, mailboxes=mailboxes.values(), aliases=aliases, rules=rules)
    return Resolution(
        route=route,
        domain=domain,
        mailboxes=mailboxes,
        rules={row.rule_id: row for row in rules},
        aliases={row.alias_id: row for row in aliases},
    )


_ALIASES_NOW: Final = """
    SELECT * FROM aliases WHERE tenant = $1 AND domain = $2 AND local_part = ANY($3::text[]) AND NOT removed
"""


async def _aliases_now(connection: _Connection, domain: DomainRow, local_part: str) -> list[AliasRow]:
    records = await connection.fetch(
        _ALIASES_NOW, domain.tenant, domain.domain, list(wanted_local_parts(local_part))
    )
    return [_ALIASES.row_of(record) for record in records]


# The first rule that leads to somebody decides; those before it are only told of. A pattern costs most, so it is tried
# last (OFFSET 0 keeps it out of the inner query), and in order, so that no more are tried than it takes.
_RULES_NOW: Final = f"""
    WITH fitting AS MATERIALIZED (
        SELECT r.*, m.mailbox_id IS NOT NULL AS leads
        FROM rules AS r
        LEFT JOIN mailboxes AS m ON m.mailbox_id = r.target_id AND m.tenant = r.tenant
            AND m.status IN ('active', 'suspended')
        WHERE r.tenant = $1 AND r.domain = $2 AND r.status = 'active'
            AND r.prefix = ANY($3::text[]) AND r.suffix = ANY($4::text[])
    )
    (SELECT * FROM (SELECT * FROM fitting WHERE leads ORDER BY rank, -literals, rule_id OFFSET 0) AS in_order
     WHERE $5 ~ regex ORDER BY rank, -literals, rule_id LIMIT 1)
    UNION ALL
    (SELECT * FROM (SELECT * FROM fitting WHERE NOT leads ORDER BY rank, -literals, rule_id OFFSET 0) AS in_order
     WHERE $5 ~ regex ORDER BY rank, -literals, rule_id LIMIT {PASSED_OVER_RULES_MAX})
"""


async def _rules_now(connection: _Connection, domain: DomainRow, local_part: str) -> list[RuleRow]:
    records = await connection.fetch(
        _RULES_NOW,
        domain.tenant,
        domain.domain,
        prefixes_of(local_part),
        suffixes_of(local_part),
        local_part,
    )
    return [_RULES.row_of(record) for record in records]


_MAILBOXES_AT: Final = """
    SELECT * FROM mailboxes
    WHERE tenant = $1 AND (mailbox_id = ANY($4::text[]) OR (domain = $2 AND local_part = ANY($3::text[])))
        AND status <> 'purged' AND ($5::timestamptz IS NULL OR created_at <= $5)
"""

_DELETED_AT: Final = """
    SELECT subject FROM (
        SELECT DISTINCT ON (subject) subject, kind FROM routing_facts
        WHERE subject = ANY($1::text[]) AND at <= $2
        ORDER BY subject, streamseq DESC
    ) AS last WHERE kind = 'mailbox_deleted'
"""

# A rule or alias whose pattern or address ever fitted is told in full, as it may have been changed since.
_FACTS_BEFORE: Final = """
    SELECT * FROM routing_facts
    WHERE tenant = $1 AND domain = $2 AND at <= $3 AND subject IN (
        SELECT $2
        UNION SELECT subject FROM routing_facts
        WHERE tenant = $1 AND domain = $2 AND prefix = ANY($4::text[]) AND suffix = ANY($5::text[])
        UNION SELECT subject FROM routing_facts
        WHERE tenant = $1 AND domain = $2 AND local_part = ANY($6::text[])
    )
    ORDER BY streamseq
"""

_REGISTERED_BEFORE: Final = "SELECT true FROM domains WHERE tenant = $1 AND domain = $2 AND created_at <= $3"
