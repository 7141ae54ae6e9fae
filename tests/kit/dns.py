"""A real DNS server on loopback, over UDP and TCP, that answers what a test tells it to, also badly."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from dnslib import QTYPE, RCODE, RR, DNSRecord
from dnslib.dns import MX, TXT
from dnslib.server import DNSLogger, DNSServer

HOST = "127.0.0.1"

Behaviour = Literal["answer", "silence", "servfail", "truncate", "nonsense"]


@dataclass
class Zone:
    """What the server knows, and the port that it answers on. A name behaves as told whatever is asked of it.

    "truncate" cuts every answer over UDP, so that only whoever asks again over TCP gets it.
    """

    port: int
    records: dict[tuple[str, str], list[MX | TXT]] = field(
        default_factory=dict[tuple[str, str], list[MX | TXT]]
    )
    behaviours: dict[str, Behaviour] = field(default_factory=dict[str, Behaviour])
    released: threading.Event = field(default_factory=threading.Event)

    def text(self, name: str, *texts: str) -> None:
        """Let a name have these TXT records and no others."""
        self.records[name, "TXT"] = [TXT(_strings(text.encode())) for text in texts]

    def mail_servers(self, name: str, *hosts: tuple[int, str]) -> None:
        """Let a name have these MX records and no others."""
        self.records[name, "MX"] = [MX(host, preference) for preference, host in hosts]

    def behave(self, name: str, behaviour: Behaviour) -> None:
        """Let a name behave so from now on."""
        self.behaviours[name] = behaviour

    def resolve(self, request: DNSRecord, handler: Any) -> DNSRecord:
        """Answer; called by the server, in a thread of its own."""
        name, kind = str(request.q.qname).rstrip(".").lower(), QTYPE[request.q.qtype]
        behaviour = self.behaviours.get(name, "answer")
        reply = request.reply()
        if behaviour == "silence":
            self.released.wait()
        if behaviour == "servfail":
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        if behaviour == "nonsense":
            return DNSRecord.question("somebody.else.example")
        if behaviour == "truncate" and handler.protocol == "udp":
            reply.header.tc = 1
            return reply
        found = self.records.get((name, kind), [])
        for data in found:
            reply.add_answer(RR(request.q.qname, request.q.qtype, rdata=data, ttl=1))
        if not any(known == name for known, _ in self.records):
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


# A string of a TXT record holds 255 octets (RFC 1035, section 3.3); a longer text is several strings.
def _strings(text: bytes) -> list[bytes]:
    return [text[at : at + 255] for at in range(0, max(len(text), 1), 255)]


@contextmanager
def dns_server(port: int = 0) -> Iterator[Zone]:
    """Serve a zone on a loopback port, by default any free one, until the end of the block."""
    zone = Zone(port)
    quiet = DNSLogger("-request,-reply,-truncated,-error")
    servers: list[DNSServer] = []
    for tcp in (True, False):
        server = DNSServer(zone, address=HOST, port=zone.port, tcp=tcp, logger=quiet)
        zone.port = server.server.server_address[1]
        servers.append(server)
        server.start_thread()
    try:
        yield zone
    finally:
        zone.released.set()
        for server in servers:
            server.stop()
            server.server.server_close()
