"""Whether the DNS sends a domain's mail here and lets it be believed: MX, SPF, DKIM and DMARC. Told, never enforced."""

import asyncio
import re
from collections.abc import Awaitable, Iterator
from typing import Final, Literal

from msgspec import Struct

from services.gateway.dns import Answer, Dns, DnsUnreachable

Kind = Literal["mx", "spf", "dkim", "dmarc"]
Verdict = Literal["ok", "missing", "different", "unreachable"]

SELECTORS_MAX: Final = 5
SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
NAMES_ABOVE_MAX: Final = 4
"""How many names above a domain are asked for a policy that covers it."""


class Expected(Struct, frozen=True, kw_only=True):
    """What the records of a domain are compared with; where it is empty, any record will do."""

    mx_host: str = ""
    spf_include: str = ""
    dkim_selectors: tuple[str, ...] = ()


class RecordCheck(Struct, frozen=True, kw_only=True):
    """One record: where it is looked for, what is there, what should be, and how that compares."""

    kind: Kind
    name: str
    expected: str
    found: tuple[str, ...]
    verdict: Verdict


async def check_mail_records(dns: Dns, domain: str, expected: Expected) -> list[RecordCheck]:
    """Ask for all records at the same time and judge each."""
    return await asyncio.gather(
        _mx(dns, domain, expected.mx_host),
        _spf(dns, domain, expected.spf_include),
        *(_dkim(dns, domain, selector) for selector in expected.dkim_selectors[:SELECTORS_MAX]),
        _dmarc(dns, domain),
    )


async def _mx(dns: Dns, domain: str, host: str) -> RecordCheck:
    found = await _records(dns.mail_servers(domain))
    # RFC 5321, section 5.1: the lowest number is tried first. RFC 7505: a host "." takes no mail.
    best = found[0].split()[1] if found else ""
    fits = best == host if host else best != "."
    return _judged("mx", domain, f"10 {host}" if host else "10 …", found, fits)


async def _spf(dns: Dns, domain: str, include: str) -> RecordCheck:
    found = await _records(dns.texts(domain))
    if found is not None:
        found = tuple(text for text in found if text.lower().split()[:1] == ["v=spf1"])
    # RFC 7208, section 4.5: more than one record is an error to whoever checks.
    terms = found[0].lower().split() if found and len(found) == 1 else []
    fits = bool(terms) and (not include or bool({f"include:{include}", f"+include:{include}"} & set(terms)))
    return _judged("spf", domain, f"v=spf1 include:{include} ~all" if include else "v=spf1 …", found, fits)


async def _dkim(dns: Dns, domain: str, selector: str) -> RecordCheck:
    name = f"{selector}._domainkey.{domain}"
    found = await _records(dns.texts(name))
    if found is not None:
        found = tuple(text for text in found if "p" in _tags(text))
    # RFC 6376, section 3.6.1: an empty key is one that was revoked.
    fits = found is not None and len(found) == 1 and bool(_tags(found[0])["p"])
    return _judged("dkim", name, "v=DKIM1; p=…", found, fits)


async def _dmarc(dns: Dns, domain: str) -> RecordCheck:
    found: tuple[str, ...] | None = None
    # RFC 7489, section 6.6.3: a domain without a policy has that of its organisation, which is above it.
    for name in _and_above(domain):
        found = await _records(dns.texts(f"_dmarc.{name}"))
        if found is None:
            break
        found = tuple(text for text in found if _tags(text).get("v", "").upper() == "DMARC1")
        if found:
            break
    fits = bool(found) and len(found) == 1 and _tags(found[0]).get("p") in ("none", "quarantine", "reject")
    return _judged("dmarc", f"_dmarc.{domain}", "v=DMARC1; p=…", found, fits)


async def _records(asking: Awaitable[Answer]) -> tuple[str, ...] | None:
    try:
        return (await asking).records
    except DnsUnreachable:
        return None


def _judged(kind: Kind, name: str, expected: str, found: tuple[str, ...] | None, fits: bool) -> RecordCheck:
    verdict: Verdict = (
        "unreachable" if found is None else "missing" if not found else "ok" if fits else "different"
    )
    return RecordCheck(kind=kind, name=name, expected=expected, found=found or (), verdict=verdict)


def _tags(text: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record (RFC 6376, section 3.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def _and_above(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    for skipped in range(min(len(labels) - 1, NAMES_ABOVE_MAX + 1)):
        yield ".".join(labels[skipped:])
