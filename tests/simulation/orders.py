"""What clients and reactions order in the simulated world: few names, so that they meet."""

import random
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from contracts import mailbox as m
from contracts import routing as r
from contracts.ids import LocalPart

NAMES: Final = "abcd"
PATTERNS: Final = ("{any}", "shop_{number}", "{word}", "a{any}")
Weighed = list[tuple[int, m.MailboxCommand]]


def an_order(chance: random.Random, domain: str) -> m.MailboxCommand:
    """Give one order for a domain; how often each kind comes is its weight here."""
    weighed = [*_of_mailboxes(chance, domain), *_of_domains(chance), *_of_routing(chance, domain)]
    return chance.choices([order for _, order in weighed], [weight for weight, _ in weighed])[0]


def _of_mailboxes(chance: random.Random, domain: str) -> Weighed:
    name = chance.choice(NAMES)
    mailbox = _mailbox_id(name, domain)
    local_part = name if chance.random() < 0.8 else chance.choice(NAMES)
    # Few archives, so that a purge meets the one that its mailbox was deleted into.
    archive = _id("archive", str(chance.randrange(2)))
    note = chance.choice(("", "x", "y"))
    return [
        (130, m.CreateMailbox(mailbox_id=mailbox, local_part=LocalPart(local_part), note=note)),
        (40, m.ChangeNote(mailbox_id=mailbox, note=note)),
        (80, m.DeleteMailbox(mailbox_id=mailbox, archive_id=archive, drop_targets=chance.random() < 0.7)),
        (200, m.RestoreMailbox(mailbox_id=mailbox)),
        (100, m.PurgeMailbox(mailbox_id=mailbox, archive_id=archive, early=True)),
        (30, m.CleanMailbox(mailbox_id=mailbox, archive_id=archive)),
        (10, m.SuspendMailbox(mailbox_id=mailbox)),
        (10, m.ResumeMailbox(mailbox_id=mailbox)),
    ]


def _of_domains(chance: random.Random) -> Weighed:
    as_of = chance.randint(1, 30)
    limit = chance.choice((2, 3, None))
    group = chance.choice((None, _id("group", "gold")))
    return [
        (90, m.RegisterDomain(mailbox_limit=3)),
        (110, m.ActivateDomain(proof="operator")),
        (10, m.SetMailboxLimit(mailbox_limit=limit)),
        (6, m.SuspendDomain()),
        (30, m.ResumeDomain()),
        (2, m.RemoveDomain()),
        (4, m.CloseDomain()),
        (10, m.AssignDomain(user_id=chance.choice((None, _id("user", "a"))))),
        # Resumed more often than suspended, else hardly anything else would happen.
        (15, m.FollowTenant(as_of=as_of, suspended=chance.random() < 0.2)),
        (10, m.FollowPaidGroup(as_of=as_of, group_id=group, mailbox_limit=limit)),
    ]


def _of_routing(chance: random.Random, domain: str) -> Weighed:
    target = {
        "target_id": _mailbox_id(chance.choice(NAMES), domain),
        "target_domain": domain if chance.random() < 0.9 else "elsewhere.example",
    }
    # More ids than names: what was removed can't be added again. An id is one thing in the whole world.
    rule = _id("rule", f"{chance.randrange(12)}@{domain}")
    alias = _id("alias", f"{chance.randrange(12)}@{domain}")
    pattern, rank = chance.choice(PATTERNS), chance.randint(1, 2)
    local_part = LocalPart(chance.choice((*NAMES, "info", "sales")))
    return [
        (110, r.AddRule(rule_id=rule, pattern=pattern, rank=rank, **target)),
        (10, r.ChangeRule(rule_id=rule, pattern=pattern, rank=rank, **target)),
        (40, r.RemoveRule(rule_id=rule)),
        (20, r.AddAlias(alias_id=alias, local_part=local_part, **target)),
        (10, r.RemoveAlias(alias_id=alias)),
        (25, r.EnableCatchAll(copy=chance.random() < 0.5, **target)),
        (15, r.DisableCatchAll()),
        (5, r.SetContact(**target) if chance.random() < 0.7 else r.SetContact()),
    ]


def _mailbox_id(name: str, domain: str) -> str:
    return _id("mailbox", f"{name}@{domain}")


def _id(kind: str, name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, f"{kind} {name}"))
