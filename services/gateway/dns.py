"""What the DNS says of a domain, asked of the servers that the settings name, within a bounded time.

An answer is untrusted text: it is only compared and shown, shortened and without what can't be printed. No record and
no such name are the same answer here; servers that are silent, fail or answer nonsense are an outage.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdata
import dns.resolver
from dns.nameserver import Do53Nameserver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from msgspec import Struct

from services.runtime.settings import SettingsError

RECORDS_MAX: Final = 50
"""Records of one answer that are looked at."""

SHOWN_LENGTH_MAX: Final = 300


class DnsUnreachable(Exception):
    """No server gave an answer that can be used."""


class Answer(Struct, frozen=True):
    """The records of one name, as text, and the server that gave them. An MX is `10 mx.example`, in order of preference."""

    records: tuple[str, ...]
    server: str


class Dns:
    """Asks name servers. Without any it asks those of the system."""

    def __init__(self, servers: Sequence[Do53Nameserver], within_s: float) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        if servers:
            self._resolver.nameservers = list(servers)
        else:
            _take_from_system(self._resolver)
        self._resolver.lifetime = within_s
        # One silent server must leave time for another.
        self._resolver.timeout = within_s / 2

    @classmethod
    def of(cls, servers: str, within_s: float) -> "Dns":
        """Make it from the settings: `address:port` by commas. Raises SettingsError."""
        return cls([_server(each.strip()) for each in servers.split(",") if each.strip()], within_s)

    async def texts(self, name: str) -> Answer:
        """Give the TXT records of a name, the strings of each joined. Raises DnsUnreachable."""
        records, server = await self._ask(name, "TXT")
        texts = [b"".join(record.strings) for record in records if isinstance(record, TXT)]
        return Answer(tuple(_shown(text.decode("ascii", "replace")) for text in texts), server)

    async def mail_servers(self, name: str) -> Answer:
        """Give the MX records of a name. Raises DnsUnreachable."""
        records, server = await self._ask(name, "MX")
        found = sorted(
            (record.preference, record.exchange.to_text(omit_final_dot=True).lower())
            for record in records
            if isinstance(record, MX)
        )
        return Answer(tuple(_shown(f"{preference} {host}") for preference, host in found), server)

    async def _ask(self, name: str, kind: str) -> tuple[list[dns.rdata.Rdata], str]:
        try:
            absolute = dns.name.from_text(name, dns.name.root)
            answer = await self._resolver.resolve(absolute, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return [], ""
        except (dns.name.NameTooLong, dns.name.LabelTooLong, dns.resolver.YXDOMAIN):
            return [], ""
        except dns.exception.DNSException as error:
            raise DnsUnreachable(str(error)) from error
        found: list[dns.rdata.Rdata] = [] if answer.rrset is None else list(answer.rrset)
        return found[:RECORDS_MAX], f"{answer.nameserver}:{answer.port}"


def _take_from_system(resolver: dns.asyncresolver.Resolver) -> None:
    # Where there are no name servers every question is an outage; the rest of the gateway goes on.
    try:
        resolver.read_resolv_conf("/etc/resolv.conf")  # pyright: ignore[reportUnknownMemberType]
    except dns.resolver.NoResolverConfiguration:
        resolver.nameservers = []


def _server(text: str) -> Do53Nameserver:
    address, _, port = text.rpartition(":")
    try:
        return Do53Nameserver(str(ip_address(address.removeprefix("[").removesuffix("]"))), int(port))
    except ValueError:
        raise SettingsError("POSTFACH_DNS_SERVERS is not address:port, several by commas") from None


def _shown(text: str) -> str:
    shown = "".join(character if character.isprintable() else "�" for character in text)
    return shown if len(shown) <= SHOWN_LENGTH_MAX else shown[: SHOWN_LENGTH_MAX - 1] + "…"
