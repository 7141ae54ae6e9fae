"""What the DNS answers, asked of a real server on loopback, and how the records of a domain are judged."""

import asyncio
from collections.abc import Iterator

import pytest

from services.gateway.dns import SHOWN_LENGTH_MAX, Dns, DnsUnreachable
from services.gateway.mail_records import Expected, RecordCheck, check_mail_records
from services.runtime.settings import SettingsError
from tests.kit.dns import Behaviour, Zone, dns_server

DOMAIN = "b.example"
EXPECTED = Expected(mx_host="mx.host.example", spf_include="spf.host.example", dkim_selectors=("pf",))


@pytest.fixture
def zone() -> Iterator[Zone]:
    with dns_server() as zone:
        yield zone


def asking(zone: Zone, within_s: float = 2.0) -> Dns:
    return Dns.of(f"127.0.0.1:{zone.port}", within_s)


async def test_texts_are_given_whole_and_by_whom(zone: Zone) -> None:
    zone.text("a.example", "one", "y" * 280)
    answer = await asking(zone).texts("a.example")
    assert set(answer.records) == {"one", "y" * 280}
    assert answer.server == f"127.0.0.1:{zone.port}"


async def test_no_record_and_no_name_are_the_same(zone: Zone) -> None:
    zone.mail_servers("a.example", (10, "mx.example"))
    for name in ("a.example", "nobody.example", f"_postfach-challenge.{'a.' * 120}example"):
        assert (await asking(zone).texts(name)).records == ()


async def test_a_truncated_answer_is_asked_for_again_in_full(zone: Zone) -> None:
    zone.text("a.example", *(f"{number:03}" + "z" * 60 for number in range(40)))
    zone.behave("a.example", "truncate")
    assert len((await asking(zone).texts("a.example")).records) == 40


@pytest.mark.parametrize("behaviour", ["silence", "servfail", "nonsense"])
async def test_a_server_that_does_not_answer_is_an_outage_in_bounded_time(
    zone: Zone, behaviour: Behaviour
) -> None:
    zone.behave("a.example", behaviour)
    async with asyncio.timeout(3):
        with pytest.raises(DnsUnreachable):
            await asking(zone, 0.4).texts("a.example")


async def test_a_silent_server_leaves_time_for_the_next(zone: Zone) -> None:
    zone.text("a.example", "here")
    with dns_server() as silent:
        silent.behave("a.example", "silence")
        both = Dns.of(f"127.0.0.1:{silent.port}, 127.0.0.1:{zone.port}", 1.0)
        assert (await both.texts("a.example")).records == ("here",)


async def test_text_from_outside_is_shown_shortened_and_printable(zone: Zone) -> None:
    zone.text("a.example", "a\x1b[31m\nb", "é" + "x" * 1000)
    shown = (await asking(zone).texts("a.example")).records
    assert all(text.isprintable() and len(text) <= SHOWN_LENGTH_MAX for text in shown)


@pytest.mark.parametrize(
    "servers", ["127.0.0.1", "name.example:53", "127.0.0.1:x", "127.0.0.1:53;1.1.1.1:53"]
)
def test_a_server_that_is_none_is_named_at_the_start(servers: str) -> None:
    with pytest.raises(SettingsError, match="POSTFACH_DNS_SERVERS"):
        Dns.of(servers, 1.0)


async def report(zone: Zone, expected: Expected = EXPECTED, domain: str = DOMAIN) -> dict[str, RecordCheck]:
    return {check.kind: check for check in await check_mail_records(asking(zone, 0.5), domain, expected)}


def good(zone: Zone) -> None:
    zone.mail_servers(DOMAIN, (10, "MX.host.example"), (20, "backup.example"))
    zone.text(DOMAIN, "google-site-verification=1", "v=spf1 include:spf.host.example ~all")
    zone.text(f"pf._domainkey.{DOMAIN}", "v=DKIM1; k=rsa; p=MIGf")
    zone.text(f"_dmarc.{DOMAIN}", "v=DMARC1; p=quarantine")


async def test_records_as_expected_are_ok(zone: Zone) -> None:
    good(zone)
    checks = await report(zone)
    assert {kind: check.verdict for kind, check in checks.items()} == dict.fromkeys(
        ("mx", "spf", "dkim", "dmarc"), "ok"
    )
    assert checks["mx"].found == ("10 mx.host.example", "20 backup.example")
    assert checks["spf"].found == ("v=spf1 include:spf.host.example ~all",)
    assert checks["dkim"].name == "pf._domainkey.b.example"


async def test_without_records_all_are_missing(zone: Zone) -> None:
    assert {check.verdict for check in (await report(zone)).values()} == {"missing"}


async def test_without_expectations_any_record_will_do(zone: Zone) -> None:
    zone.mail_servers(DOMAIN, (10, "elsewhere.example"))
    zone.text(DOMAIN, "v=spf1 -all")
    checks = await report(zone, Expected())
    assert (checks["mx"].verdict, checks["spf"].verdict, "dkim" in checks) == ("ok", "ok", False)


@pytest.mark.parametrize(
    ("kind", "name", "texts"),
    [
        ("spf", DOMAIN, ["v=spf1 include:other.example ~all"]),
        ("spf", DOMAIN, ["v=spf1 -include:spf.host.example ~all"]),
        ("spf", DOMAIN, ["v=spf1 include:spf.host.example ~all", "v=spf1 -all"]),
        ("dkim", f"pf._domainkey.{DOMAIN}", ["v=DKIM1; p="]),
        ("dmarc", f"_dmarc.{DOMAIN}", ["v=DMARC1; rua=mailto:a@b.example"]),
        ("dmarc", f"_dmarc.{DOMAIN}", ["v=DMARC1; p=none", "v=DMARC1; p=reject"]),
    ],
)
async def test_a_record_that_does_not_fit_is_different(
    zone: Zone, kind: str, name: str, texts: list[str]
) -> None:
    good(zone)
    zone.text(name, *texts)
    verdicts = {each: check.verdict for each, check in (await report(zone)).items()}
    assert verdicts == {"mx": "ok", "spf": "ok", "dkim": "ok", "dmarc": "ok"} | {kind: "different"}


@pytest.mark.parametrize("servers", [[(5, "first.example"), (10, "mx.host.example")], [(0, "")]])
async def test_the_mail_server_tried_first_must_be_ours(zone: Zone, servers: list[tuple[int, str]]) -> None:
    good(zone)
    zone.mail_servers(DOMAIN, *servers)
    assert (await report(zone))["mx"].verdict == "different"


async def test_one_record_out_of_reach_hides_no_other(zone: Zone) -> None:
    good(zone)
    zone.behave(f"_dmarc.{DOMAIN}", "servfail")
    verdicts = {kind: check.verdict for kind, check in (await report(zone)).items()}
    assert verdicts == {"mx": "ok", "spf": "ok", "dkim": "ok", "dmarc": "unreachable"}


async def test_a_policy_above_covers_a_subdomain(zone: Zone) -> None:
    good(zone)
    assert (await report(zone, domain=f"ina.{DOMAIN}"))["dmarc"].verdict == "ok"
