"""The badge in a certificate as HTML: a link that saves it, all of it in the address (RFC 2397)."""

from __future__ import annotations

import base64
import re

from labkit.core.errors import DataFormatError

__all__ = ["badge_in_html", "badge_link"]

_BEGINS = 'href="data:application/json;base64,'
_DIGITS = re.compile(r"[A-Za-z0-9+/=]*")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?")


def badge_link(badge: str) -> str:
    """Return the attribute by which a certificate as HTML links to its badge."""
    return f'{_BEGINS}{base64.b64encode(badge.encode()).decode("ascii")}"'


def badge_in_html(text: str) -> str:
    """Return the badge in a page.

    The page is not parsed: no letter of base64 means anything to HTML, so the address reads the same to
    everybody.  One in a comment counts as well; one in a name does not, since no quotation mark in a text
    stays one.

    Raises
    ------
    DataFormatError
        When the page holds none or more than one.
    """
    found = text.split(_BEGINS)[1:]
    if len(found) != 1:
        raise DataFormatError(
            f"the page holds {len(found)} badges: expected one, in the link to badge.json that "
            "certificate.html has as it was issued"
        )
    digits = _DIGITS.match(found[0])
    try:
        if digits and _BASE64.fullmatch(digits[0]):
            return base64.b64decode(digits[0]).decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise DataFormatError("the badge in the page was damaged: it is not base64 of a text")
