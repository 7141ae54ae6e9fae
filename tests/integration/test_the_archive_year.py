"""A mailbox's content through its year: put away, held, given back, and destroyed, with the reactor killed at every step."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from contracts import mailbox as m
from contracts.archive import DestroyArchive, PlaceHold, ReleaseHold
from contracts.ids import LocalPart, MailboxId
from contracts.outcome import RefusalCode
from contracts.retrieval import AcceptRetrieval, PayRetrieval, Price, RequestRetrieval
from contracts.topics import ARCHIVE, MAILBOX
from contracts.views.archive import ArchiveRow
from deploy.local.stack import Stack
from services.archive.content import MailboxHome
from services.runtime.ids import new_id
from services.runtime.vault import KeyDestroyed
from tests.kit.given import DOMAIN, US
from tests.kit.maildirs import Home, a_full_home
from tests.kit.year import OPERATOR, Year, a_year

A_YEAR_LATER: Final = datetime(2031, 6, 15, 12, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
FIFTY: Final = Price(amount=5_000, currency="EUR")


@pytest.fixture
async def year(stack: Stack, tmp_path: Path) -> AsyncGenerator[Year]:
    async with a_year(stack, tmp_path) as year:
        await year.order(MAILBOX, m.RegisterDomain(), stream=DOMAIN, tenant=US)
        await year.order(
            MAILBOX, m.ActivateDomain(proof="operator"), stream=DOMAIN, tenant=US, actor=OPERATOR
        )
        yield year


async def a_mailbox(year: Year, name: str = "ina") -> Home:
    """Create a mailbox with a password and much mail."""
    home = a_full_home(year.mail, name)
    credential = new_id()
    await year.vault.store_credentials({credential: "a hash"})
    created = m.CreateMailbox(
        mailbox_id=home.name.mailbox_id, local_part=LocalPart(name), credential_id=credential, note="Empfang"
    )
    assert (await year.order(MAILBOX, created, stream=DOMAIN, tenant=US)).status == "accepted"
    return home


async def delete(year: Year, home: Home) -> str:
    """Delete a mailbox, and give its archive's id. Nothing reacts yet."""
    archive_id = new_id()
    command = m.DeleteMailbox(mailbox_id=home.name.mailbox_id, archive_id=archive_id)
    assert (await year.order(MAILBOX, command, stream=DOMAIN, tenant=US)).status == "accepted"
    return archive_id


async def clean(year: Year, home: Home) -> str:
    """Clean a mailbox, and give its archive's id. Nothing reacts yet."""
    archive_id = new_id()
    command = m.CleanMailbox(mailbox_id=home.name.mailbox_id, archive_id=archive_id)
    assert (await year.order(MAILBOX, command, stream=DOMAIN, tenant=US)).status == "accepted"
    return archive_id


async def restore(year: Year, home: Home) -> None:
    command = m.RestoreMailbox(mailbox_id=home.name.mailbox_id)
    assert (await year.order(MAILBOX, command, stream=DOMAIN, tenant=US)).status == "accepted"


async def pay_for(year: Year, *archive_ids: str) -> str:
    """Request, accept and pay, and give the retrieval's id."""
    retrieval_id = new_id()
    for command in (
        RequestRetrieval(retrieval_id=retrieval_id, archive_ids=archive_ids, fixed_price=FIFTY),
        AcceptRetrieval(retrieval_id=retrieval_id, price=FIFTY),
    ):
        outcome = await year.order(ARCHIVE, command, stream=DOMAIN, tenant=US)
        assert outcome.status == "accepted", outcome
    paid = PayRetrieval(retrieval_id=retrieval_id, price=FIFTY, reference="INV-1")
    outcome = await year.order(ARCHIVE, paid, stream=DOMAIN, tenant=US, actor=OPERATOR)
    assert outcome.status == "accepted", outcome
    return retrieval_id


async def archive_of(year: Year, home: Home) -> ArchiveRow:
    """Give the one archive of a mailbox."""
    (row,) = [row for row in await year.archives() if row.mailbox_id == home.name.mailbox_id]
    return row


async def state_of(year: Year, archive_id: str) -> str:
    return next(row.state for row in await year.archives() if row.archive_id == archive_id)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_deleted_mailbox_is_in_its_archive_alone_for_a_year_and_then_nowhere(
    year: Year, tmp_path: Path
) -> None:
    home = await a_mailbox(year)
    archive_id = await delete(year, home)
    await year.run()
    assert not home.path.exists()
    (row,) = await year.archives()
    assert row.content is not None
    assert (row.state, row.content.messages, row.expires_at) == ("stored", 8, A_YEAR_LATER)
    assert len(files_below(tmp_path / "blobs")) == 1

    await year.pass_until(A_YEAR_LATER - SECOND)
    assert await state_of(year, archive_id) == "stored"
    await year.pass_time(SECOND)
    (row,) = await year.archives()
    assert (row.state, row.certificate is not None) == ("purged", True)
    assert files_below(tmp_path / "blobs") == files_below(year.mail) == []
    with pytest.raises(KeyDestroyed):
        await year.vault.sealer(row.content.key_id if row.content else "")
    created = year.log.events(MAILBOX)[2].data
    assert isinstance(created, m.MailboxCreated)
    assert await year.vault.missing_credentials([created.credential_id or ""])
    again = m.CreateMailbox(mailbox_id=new_id(), local_part=LocalPart("ina"))
    assert (await year.order(MAILBOX, again, stream=DOMAIN, tenant=US)).status == "accepted"


async def test_a_certificate_says_what_was_destroyed_and_where_in_the_log(year: Year) -> None:
    home = await a_mailbox(year)
    await delete(year, home)
    await year.run()
    (before,) = await year.archives()
    await year.pass_until(A_YEAR_LATER)
    (row,) = await year.archives()
    assert row.certificate is not None
    assert before.content is not None
    purged = row.certificate.purged
    assert (purged.key_id, purged.sha256) == (before.content.key_id, before.content.sha256)
    assert (purged.mailbox_purged, purged.early, purged.retention_years) == (True, False, 1)
    told = year.log.events(ARCHIVE)[-1]
    assert (told.id, told.streamseq, told.prevhash) == (
        row.certificate.event_id,
        row.certificate.streamseq,
        row.certificate.prevhash,
    )
    assert purged.head is not None
    follows = next(each for each in year.log.events(MAILBOX) if isinstance(each.data, m.MailboxPurged))
    assert (purged.head.streamseq, purged.head.sha256) == (follows.streamseq - 1, follows.prevhash)


async def test_a_mailbox_restored_at_once_never_lost_its_mail(year: Year, tmp_path: Path) -> None:
    home = await a_mailbox(year)
    before = home.mail()
    archive_id = await delete(year, home)
    await restore(year, home)
    await year.run()
    assert home.mail() == before
    assert await state_of(year, archive_id) == "abandoned"
    assert files_below(tmp_path / "blobs") == []


async def test_a_mailbox_restored_later_has_everything_again(year: Year) -> None:
    home = await a_mailbox(year)
    before = home.mail()
    archive_id = await delete(year, home)
    await year.run()
    await restore(year, home)
    await year.run()
    assert home.mail() == before
    (row,) = await year.archives()
    assert (row.archive_id, row.state, row.returned) == (archive_id, "stored", True)


async def test_what_was_given_back_goes_from_the_archive_in_time_and_stays_in_the_mailbox(
    year: Year, tmp_path: Path
) -> None:
    home = await a_mailbox(year)
    before = home.mail()
    archive_id = await delete(year, home)
    await year.run()
    await restore(year, home)
    await year.pass_until(A_YEAR_LATER)
    assert await state_of(year, archive_id) == "purged"
    assert home.mail() == before
    assert files_below(tmp_path / "blobs") == []
    assert "mailbox_purged" not in year.happened(MAILBOX, home.name.mailbox_id)


async def test_a_cleaned_mailbox_keeps_what_comes_later_and_gets_the_old_into_a_folder(year: Year) -> None:
    home = await a_mailbox(year)
    old = home.messages()
    archive_id = await clean(year, home)
    await year.run()
    assert home.messages() == []
    home.deliver("new/later.M1.mx", b"Subject: later\n\nlater")
    retrieval_id = await pay_for(year, archive_id)
    await year.run()
    assert home.messages() == sorted([*old, b"Subject: later\n\nlater"])
    assert (await year.retrieval(retrieval_id)).state == "restored"
    again = await pay_for(year, archive_id)
    await year.run()
    assert home.messages() == sorted([*old, b"Subject: later\n\nlater"])
    assert (await year.retrieval(again)).state == "restored"


async def test_a_paid_retrieval_brings_a_deleted_mailbox_back_after_the_free_days(year: Year) -> None:
    home = await a_mailbox(year)
    before = home.mail()
    archive_id = await delete(year, home)
    await year.pass_time(timedelta(days=200))
    refused = await year.order(
        MAILBOX, m.RestoreMailbox(mailbox_id=home.name.mailbox_id), stream=DOMAIN, tenant=US
    )
    assert refused.code is RefusalCode.RETRIEVAL_NEEDED
    retrieval_id = await pay_for(year, archive_id)
    await year.run()
    assert home.mail() == before
    row = await year.retrieval(retrieval_id)
    assert (row.state, [item.refusal for item in row.items]) == ("restored", [None])


async def test_what_can_not_come_back_is_named_and_stays_in_the_archive(year: Year) -> None:
    home = await a_mailbox(year)
    cleaned = await clean(year, home)
    await year.run()
    home.deliver("new/later.M1.mx")
    await delete(year, home)
    await year.run()
    retrieval_id = await pay_for(year, cleaned)
    await year.run()
    row = await year.retrieval(retrieval_id)
    assert (row.state, [item.refusal for item in row.items]) == ("restored", ["mailbox_deleted"])
    assert await state_of(year, cleaned) == "stored"
    assert not home.path.exists()


async def test_a_retrieval_that_nobody_pays_ends_in_time(year: Year) -> None:
    home = await a_mailbox(year)
    archive_id = await delete(year, home)
    await year.run()
    retrieval_id = new_id()
    await year.order(
        ARCHIVE,
        RequestRetrieval(retrieval_id=retrieval_id, archive_ids=(archive_id,), fixed_price=FIFTY),
        stream=DOMAIN,
        tenant=US,
    )
    await year.pass_time(timedelta(days=30) - SECOND)
    assert (await year.retrieval(retrieval_id)).state == "quoted"
    await year.pass_time(SECOND)
    assert (await year.retrieval(retrieval_id)).state == "expired"


@pytest.mark.parametrize("scope", ["domain", "mailboxes", "archives"])
async def test_a_held_archive_survives_its_day_and_goes_at_the_tick_after_its_release(
    year: Year, scope: str
) -> None:
    home = await a_mailbox(year)
    archive_id = await delete(year, home)
    await year.run()
    hold_id = new_id()
    ids = {"domain": (), "mailboxes": (home.name.mailbox_id,), "archives": (archive_id,)}[scope]
    hold = PlaceHold(hold_id=hold_id, scope=scope, ids=ids, reason="a lawsuit", authority="Court 1")  # pyright: ignore[reportArgumentType]
    assert (await year.order(ARCHIVE, hold, stream=DOMAIN, tenant=US)).status == "accepted"
    await year.pass_until(A_YEAR_LATER + timedelta(days=100))
    await year.pass_time(timedelta(days=1))
    assert await state_of(year, archive_id) == "stored"
    assert year.happened(ARCHIVE, archive_id).count("archive_expiry_blocked") == 1
    await year.order(ARCHIVE, ReleaseHold(hold_id=hold_id), stream=DOMAIN, tenant=US)
    await year.run()
    assert await state_of(year, archive_id) == "purged"


async def test_an_archive_that_somebody_wants_gone_goes_at_once_and_frees_the_address(year: Year) -> None:
    home = await a_mailbox(year)
    archive_id = await delete(year, home)
    await year.run()
    await year.order(
        ARCHIVE, DestroyArchive(archive_id=archive_id, reason="asked for"), stream=DOMAIN, tenant=US
    )
    await year.run()
    (row,) = await year.archives()
    assert row.certificate is not None
    assert (row.state, row.certificate.purged.early) == ("purged", True)
    again = m.CreateMailbox(mailbox_id=new_id(), local_part=LocalPart("ina"))
    assert (await year.order(MAILBOX, again, stream=DOMAIN, tenant=US)).status == "accepted"


async def test_an_empty_mailbox_needs_neither_key_nor_blob(year: Year, tmp_path: Path) -> None:
    mailbox_id = MailboxId(new_id())
    created = m.CreateMailbox(mailbox_id=mailbox_id, local_part=LocalPart("ben"))
    await year.order(MAILBOX, created, stream=DOMAIN, tenant=US)
    home = Home(year.mail, MailboxHome(US, mailbox_id))
    archive_id = await delete(year, home)
    await year.run()
    assert year.happened(ARCHIVE, archive_id) == ["archive_opened", "archive_stored"]
    assert not [step for step in year.steps if "Vault" in step or "Blobs" in step]
    await year.pass_until(A_YEAR_LATER)
    assert await state_of(year, archive_id) == "purged"
    assert files_below(tmp_path / "blobs") == []


async def test_a_clock_that_is_an_hour_off_ends_nothing_early(year: Year) -> None:
    home = await a_mailbox(year)
    archive_id = await delete(year, home)
    await year.run()
    year.reactor_ahead = timedelta(hours=1)
    await year.pass_until(A_YEAR_LATER - timedelta(minutes=30))
    assert await state_of(year, archive_id) == "stored"
    year.reactor_ahead = -timedelta(hours=1)
    await year.pass_time(timedelta(hours=24))
    assert await state_of(year, archive_id) == "purged"


async def test_what_is_put_away_on_29_february_goes_on_28_february(year: Year) -> None:
    year.now = datetime(2032, 2, 29, 12, tzinfo=UTC)
    home = await a_mailbox(year)
    archive_id = await delete(year, home)
    await year.run()
    due = datetime(2033, 2, 28, 12, tzinfo=UTC)
    await year.pass_until(due - SECOND)
    assert await state_of(year, archive_id) == "stored"
    await year.pass_time(SECOND)
    assert await state_of(year, archive_id) == "purged"


async def _deleted_and_put_away(year: Year, home: Home) -> None:
    await delete(year, home)
    await year.run()


async def _cleaned_and_put_away(year: Year, home: Home) -> None:
    await clean(year, home)
    await year.run()


async def _restored(year: Year, home: Home) -> None:
    await restore(year, home)
    await year.run()


async def _retrieved(year: Year, home: Home) -> None:
    await pay_for(year, (await archive_of(year, home)).archive_id)
    await year.run()


async def _purged(year: Year, home: Home) -> None:
    await year.pass_until((await archive_of(year, home)).expires_at)


ACTS: Final = {
    "put a deleted mailbox away": ((), _deleted_and_put_away),
    "put a cleaned mailbox away": ((), _cleaned_and_put_away),
    "restore": ((_deleted_and_put_away,), _restored),
    "merge": ((_cleaned_and_put_away,), _retrieved),
    "purge": ((_deleted_and_put_away,), _purged),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.timeout(600)
async def test_killed_between_any_two_steps_it_ends_as_if_nothing_had_been(
    year: Year, tmp_path: Path, act: str
) -> None:
    before, killed = ACTS[act]

    async def once(name: str, dies_at: int | None) -> tuple[list[tuple[str, bytes, int]], list[str]]:
        """Give the mailbox's mail afterwards, and what its archive went through."""
        home = await a_mailbox(year, name)
        for earlier in before:
            await earlier(year, home)
        year.steps.clear()
        year.dies_at = dies_at
        await killed(year, home)
        row = await archive_of(year, home)
        if row.state == "purged":
            assert files_below(tmp_path / "blobs" / "archives" / row.archive_id) == []
        mail = sorted((str(Path(path).parent), *rest) for path, rest in home.mail().items())
        return mail, year.happened(ARCHIVE, row.archive_id)

    undisturbed = await once("undisturbed", None)
    steps = list(year.steps)
    for number, step in enumerate(steps, start=1):
        assert await once(f"killed.{number}", number) == undisturbed, step
        assert year.dies_at is None, "it did not die at all"
