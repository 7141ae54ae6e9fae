"""Domain names as people write them, and as the protocols carry them."""

import idna

from contracts.addresses import AddressError, is_domain_name
from contracts.ids import DomainName


def to_a_label(text: str) -> DomainName:
    """Give a domain's A-label, lower case, without a final dot (IDNA 2008 with UTS 46 mapping).

    Raises AddressError when it is no domain that can receive mail.
    """
    trimmed = text.strip().removesuffix(".")
    try:
        domain = trimmed.lower() if trimmed.isascii() else idna.encode(trimmed, uts46=True).decode()
        if "xn--" in domain:
            idna.decode(domain)
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressError("the part after @ is not a domain name") from error
    if not is_domain_name(domain):
        raise AddressError("the part after @ is not a domain name")
    return DomainName(domain)


def to_u_label(domain: DomainName) -> str:
    """Give a domain as people read it."""
    return idna.decode(domain) if "xn--" in domain else domain
