"""Take the badge out of whatever file an issuer hands out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from labkit.core.errors import DataFormatError
from labkit.credentials.carriers.html import badge_in_html
from labkit.credentials.carriers.pdf import badge_in_pdf
from labkit.credentials.carriers.svg import badge_in_svg
from labkit.credentials.encoding import MAX_BYTES

__all__ = ["MAX_FILE", "Found", "badge_in"]

MAX_FILE = 2 * 2**20
"""No file with a badge is larger; a certificate is some 40 kB."""

_EXPECTED = (
    "there is no badge in it: expected badge.json, badge.jwt, or the certificate as PDF, SVG or HTML as it "
    "was issued"
)
_KINDS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    (r"<!doctype html\b|<html\b", "html", badge_in_html),
    (r"<", "svg", badge_in_svg),
    (r"", "", str),
)
"""What a text begins with, the kind of file, and how its badge is taken out."""

_BADGE = re.compile(r"\{|[\w-]+\.[\w-]+\.[\w-]*\Z", re.ASCII)
"""JSON, or the three parts of a JWT; so nothing that was taken out is a carrier again."""


@dataclass(frozen=True)
class Found:
    """A badge and what carried it.

    Attributes
    ----------
    text : str
        JSON with a proof inside, or a JWT; not verified yet.
    carrier : str
        ``pdf``, ``svg`` or ``html``; empty for a badge that lies there by itself.
    """

    text: str
    carrier: str


def badge_in(content: bytes) -> Found:
    """Return the one badge that a file holds.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    DataFormatError
        When there is no badge in it or more than one, or it is not as it was handed out.
    """
    if len(content) > MAX_FILE:
        raise DataFormatError(f"it is larger than {MAX_FILE // 2**20} MiB, and no file with a badge is")
    carrier, text = _taken(content)
    if not _BADGE.match(text):
        raise DataFormatError(_EXPECTED)
    return Found(text, carrier)


def _taken(content: bytes) -> tuple[str, str]:
    if content.startswith(b"%PDF-"):
        return "pdf", _text(badge_in_pdf(content, MAX_BYTES))
    text = _text(content)
    carrier, take = next((kind, take) for start, kind, take in _KINDS if re.match(start, text, re.IGNORECASE))
    return carrier, take(text).strip()


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise DataFormatError(_EXPECTED) from None
