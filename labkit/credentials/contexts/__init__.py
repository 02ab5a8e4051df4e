"""The JSON-LD contexts that credentials are read with: pinned copies, and no others.

A context says which members of a document mean something and so are signed.  Whoever could change one
could change what a signature covers; so no address is ever opened, and each copy is held to its digest.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, IntegrityError

__all__ = ["BADGE_CONTEXTS", "LIST_CONTEXTS", "OPEN_BADGES", "PINNED", "VC", "load"]

VC = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"

BADGE_CONTEXTS = [VC, OPEN_BADGES]
"""The contexts of a badge, in the order that the standard asks for."""

LIST_CONTEXTS = [VC]
"""The contexts of a status list."""

PINNED = {
    VC: ("credentials-v2.json", "91ed601715548afb33b32f1ffdfba6453cbd11e8a3df6d7419b889edee82a6fb"),
    OPEN_BADGES: (
        "open-badges-3.0.3.json",
        "ef2fa9c7846dce233cc166b43639027278be4ee44f00bb1d45c75de2dd0cd761",
    ),
}
"""Address to the file beside this module and its SHA-256.

The W3C publishes its context without a newline at the end (SHA-256 59955ced…); 1EdTech's is as published.
"""


def load(url: str, options: object = None) -> dict[str, Any]:
    """Return a pinned context in the form that a document loader of pyld returns.

    Raises
    ------
    DataFormatError
        For every address that is not pinned.
    IntegrityError
        When the copy on disk has been changed.
    """
    if url not in PINNED:
        raise DataFormatError(f"the context {url!r} is not one of those pinned here: {', '.join(PINNED)}")
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": _document(url),
    }


@functools.cache
def _document(url: str) -> dict[str, Any]:
    name, digest = PINNED[url]
    content = (Path(__file__).parent / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(f"{name} is not the context that was pinned: install labkit again")
    document: dict[str, Any] = json.loads(content)
    return document
