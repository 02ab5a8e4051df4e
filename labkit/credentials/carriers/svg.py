"""The badge in a picture: baked into an SVG as Open Badges 3.0 describes it (section 5.3)."""

from __future__ import annotations

import re
from xml.parsers import expat

from labkit.core.errors import DataFormatError

__all__ = ["badge_in_svg", "baked"]

_ROOT = "http://www.w3.org/2000/svg svg"
_ELEMENT = "https://purl.imsglobal.org/ob/v3p0 credential"


def baked(badge: str) -> str:
    """Return a badge in JSON as the content of its element: in CDATA, and nothing in it ends one."""
    # Neither stands outside of a string, where \\u is the same letter.
    safe = badge.replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<![CDATA[{safe}]]>"


def badge_in_svg(text: str) -> str:
    """Return the badge in a picture: the text of its element, or the JWT in the attribute ``verify``.

    Raises
    ------
    DataFormatError
        When it is no SVG, declares a document type, or holds no badge or more than one.
    """
    # Entities grow without end, and are only declared in a document type: neither is read at all.
    if re.search(r"<!(?:doctype|entity)", text, re.IGNORECASE):
        raise DataFormatError(
            "the picture declares a document type or an entity, which no badge needs: not read"
        )
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as error:
        raise DataFormatError(f"it is no picture in SVG: {error}") from None
    if len(reader.badges) != 1:
        raise DataFormatError(
            f"the picture holds {len(reader.badges)} badges: expected one, in an element credential of Open "
            "Badges 3.0"
        )
    body, token = "".join(reader.badges[0][0]).strip(), reader.badges[0][1].strip()
    if bool(body) == bool(token):
        raise DataFormatError(
            "the badge in the picture is to be either JSON in its element or a JWT in verify"
        )
    return body or token


class _Reader:
    """Collects the elements that are badges; the rest of the picture goes by."""

    def __init__(self) -> None:
        self.badges: list[tuple[list[str], str]] = []
        self._depth = self._inside = 0
        # The encoding is given, so that no declaration in the file changes what was searched above.
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and name != _ROOT:
            raise DataFormatError("it is no picture in SVG")
        if self._inside:
            raise DataFormatError("the badge in the picture holds elements: expected text")
        self._depth += 1
        if name == _ELEMENT:
            self._inside = self._depth
            self.badges.append(([], attributes.get("verify", "")))

    def _end(self, name: str) -> None:
        if self._inside == self._depth:
            self._inside = 0
        self._depth -= 1

    def _characters(self, text: str) -> None:
        if self._inside:
            self.badges[-1][0].append(text)
