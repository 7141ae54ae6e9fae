"""What a mail address is here: one parser for every edge, so that the same text is the same mailbox everywhere.

Rules: RFC 5321 sections 4.1.2 (dot-string only) and 4.5.3.1 (lengths in octets), RFC 6531 for letters beyond ASCII in
the local part, NFC and lower case for identity. The domain is given as an A-label; turning a U-label into one
(IDNA 2008, UTS 46) needs a library and is done at the edge, by `services.runtime.domain_names`.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from contracts.ids import DomainName, LocalPart

LOCAL_PART_OCTETS_MAX: Final = 64
ADDRESS_OCTETS_MAX: Final = 254
DOMAIN_OCTETS_MAX: Final = 253

_ATOM: Final = r"[^\x00-\x20\x7f-\xa0\"(),.:;<>@\[\\\]*\s]+"
_DOT_ATOM: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_LOOK_ALIKE_SCRIPTS: Final = frozenset({"LATIN", "GREEK", "CYRILLIC"})


class AddressError(ValueError):
    """The text is no address that a mailbox can have; the message says what is expected."""


def parse_local_part(text: str) -> LocalPart:
    """Give the local part in its one form. Raises AddressError."""
    local_part = unicodedata.normalize("NFC", text.strip()).lower()
    if not local_part:
        raise AddressError("the part before @ is empty")
    if len(local_part.encode("utf-8", "surrogatepass")) > LOCAL_PART_OCTETS_MAX:
        raise AddressError(f"the part before @ has more than {LOCAL_PART_OCTETS_MAX} octets")
    # What can't be printed are the categories Cc, Cf, Cs, Co, Cn, Zl, Zp, and Zs but for the plain space.
    if " " in local_part or not local_part.isprintable():
        raise AddressError("the part before @ has a space or an invisible character")
    if _DOT_ATOM.fullmatch(local_part) is None:
        raise AddressError(
            "the part before @ must be words joined by single dots, without quotes, * or brackets"
        )
    return LocalPart(local_part)


def mixes_look_alike_scripts(local_part: str) -> bool:
    """Whether letters of two scripts that look alike stand in one local part: `pаypal` with a Cyrillic а, for instance.

    Latin, Greek and Cyrillic are the scripts that UTS 39 (section 5.2) lets nobody mix at its moderate level.
    """
    if local_part.isascii():
        return False
    scripts = {
        script
        for character in local_part
        if character.isalpha()
        for script in _LOOK_ALIKE_SCRIPTS.intersection(unicodedata.name(character, "").split())
    }
    return len(scripts) > 1


def is_domain_name(text: str) -> bool:
    """Whether `text` is a mail domain in its one form: at least two A-labels, lower case, no final dot."""
    return len(text) <= DOMAIN_OCTETS_MAX and _DOMAIN.fullmatch(text) is not None and not text[-1].isdigit()


def join_address(local_part: LocalPart, domain: DomainName) -> str:
    """Give the address of a mailbox. Raises AddressError when it is too long for SMTP."""
    address = f"{local_part}@{domain}"
    if len(address.encode()) > ADDRESS_OCTETS_MAX:
        raise AddressError(f"the address has more than {ADDRESS_OCTETS_MAX} octets")
    return address


def parse_address(text: str, a_label: Callable[[str], DomainName]) -> tuple[LocalPart, DomainName]:
    """Split an address at its last `@` and give both parts in their one form.

    `a_label` turns a domain as people write it into its A-label, and raises AddressError. Raises AddressError.
    """
    local_text, at, domain_text = text.strip().rpartition("@")
    if not at:
        raise AddressError("an address needs an @")
    local_part, domain = parse_local_part(local_text), a_label(domain_text)
    join_address(local_part, domain)
    return local_part, domain
