"""E-mail addresses as strangers type them: accepted plainly, or refused."""

import re
from email.utils import parseaddr

LONGEST = 254
_PLAIN = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def checked_address(text: str) -> str:
    """An address that can stand in a header and in an envelope; its domain in lower case.

    Args:
        text: as it was typed; blanks around it don't matter.

    Raises:
        ValueError: it is no plain address, too long, or holds a line break or another control character. The message
            does not repeat it.

    Example:
        >>> checked_address(" Ada@Example.ORG ")
        'Ada@example.org'
    """
    address = text.strip(" \t")
    if len(address) > LONGEST:
        raise ValueError(f"email must have at most {LONGEST} characters, got {len(address)}")
    if any(ord(sign) < 33 or ord(sign) > 126 for sign in address):
        raise ValueError("email must be an address of plain letters and signs, without blanks or line breaks")
    if parseaddr(address) != ("", address) or not _PLAIN.fullmatch(address) or ".." in address:
        raise ValueError("email must be an address such as name@example.org")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"
