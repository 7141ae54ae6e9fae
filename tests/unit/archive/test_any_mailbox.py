"""Laws of archives, for mailboxes of any folders and messages."""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from services.archive.mail_names import is_folder, is_message, parse_path
from services.archive.maildir import Maildirs
from tests.kit.maildirs import ARCHIVE, a_home, a_shelf

FILES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=60)
FOLDERS = FILES.map(lambda name: f".{name}").filter(is_folder)
BASES = FILES.map(lambda name: name.replace(":", "")).filter(is_message)
INFOS = st.sampled_from(("", ":2,", ":2,S", ":2,FRSTab", ":1,x", ":"))
MESSAGES = st.tuples(
    st.sampled_from(("new", "cur")),
    BASES,
    INFOS,
    st.binary(max_size=2000),
    st.integers(-(2**31), 2**33).map(lambda seconds: seconds * 10**9 + 987_654_321),
)
MAILBOXES = st.dictionaries(
    st.just("") | FOLDERS, st.lists(MESSAGES, max_size=4, unique_by=lambda message: message[1]), max_size=4
)


@settings(max_examples=40, deadline=None)
@given(MAILBOXES)
def test_what_is_packed_dropped_and_restored_or_merged_is_the_same_mail(
    mailbox: dict[str, list[tuple[str, str, str, bytes, int]]],
) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        home = a_home(folder / "mail")
        for name, messages in mailbox.items():
            for place, base, info, content, date_ns in messages:
                path = f"{place}/{base}{info}"
                home.deliver(f"{name}/{path}" if name else path, content, date_ns)
        before, messages_before = home.mail(), home.messages()
        archive, manifest = a_shelf(folder / "blobs").put_away(home)

        async def there_and_back() -> None:
            maildirs = Maildirs(folder / "mail")
            assert await maildirs.drop(home.name, manifest.messages) == len(messages_before)
            assert await maildirs.remove_home(home.name)
            await maildirs.restore(home.name, ARCHIVE, archive)
            assert home.mail() == before
            await maildirs.drop(home.name, manifest.messages)
            for _ in range(2):
                await maildirs.merge(home.name, ARCHIVE, ".Archive", archive)
                assert Counter(home.messages()) == Counter(messages_before)

        asyncio.run(there_and_back())
    finally:
        shutil.rmtree(folder)


@given(st.text(st.characters() | st.sampled_from("./\0:"), max_size=40))
def test_a_path_from_a_packed_file_leads_nowhere_else_and_is_told_back_as_it_was(path: str) -> None:
    try:
        name = parse_path(path)
    except ValueError:
        return
    assert name.path == path
    root = Path("/root/of/mail")
    assert root in (root / name.path).resolve().parents
