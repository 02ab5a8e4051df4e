"""Objects of PDF as far as a dictionary needs them: names, whole numbers, references; strings are skipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from labkit.core.errors import DataFormatError

__all__ = ["Reference", "read_object"]

_SPACE = re.compile(rb"(?:[\0\t\n\f\r ]+|%[^\r\n]*)*")
_NAME = re.compile(rb"/([^\0\t\n\f\r ()<>\[\]{}/%]*)")
_REFERENCE = re.compile(rb"(\d{1,10}) (\d{1,5}) R(?![A-Za-z0-9])")
_WORD = re.compile(rb"[^\0\t\n\f\r ()<>\[\]{}/%]+")
_HEX_STRING = re.compile(rb"<[0-9A-Fa-f\0\t\n\f\r ]*>")
_IN_STRING = re.compile(rb"[()\\]")
_DEEPEST = 20


class Reference(NamedTuple):
    """Another object, by its number and generation."""

    number: int
    generation: int


def read_object(content: bytes, at: int, depth: int = 0) -> tuple[Any, int]:
    """Return the value that begins at a place, and where it ends.

    Parameters
    ----------
    content : bytes
    at : int
    depth : int
        How many arrays and dictionaries are open.

    Returns
    -------
    tuple
        A dict by name, a list, a :class:`Reference`, a name as ``str`` with its slash, an int, or None for
        strings and everything else; and the place behind it.

    Raises
    ------
    DataFormatError
        When no object is written there, or it is nested too deeply.
    """
    if depth > _DEEPEST:
        raise DataFormatError(f"this PDF nests more than {_DEEPEST} objects in one another")
    at = _skip(content, at)
    if content.startswith(b"<<", at):
        return _dictionary(content, at + 2, depth)
    if content.startswith(b"[", at):
        return _array(content, at + 1, depth)
    if content.startswith(b"(", at):
        return None, _after_string(content, at)
    for form, value in _FORMS:
        if found := form.match(content, at):
            return value(found), found.end()
    raise DataFormatError("this PDF was damaged or changed: an object is not written as one")


def _word(found: re.Match[bytes]) -> int | None:
    word = found[0]
    return int(word) if word.isdigit() and len(word) <= 10 else None


_FORMS: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], Any]], ...] = (
    (_HEX_STRING, lambda found: None),
    (_NAME, lambda found: "/" + _name(found[1])),
    (_REFERENCE, lambda found: Reference(int(found[1]), int(found[2]))),
    (_WORD, _word),
)


def _dictionary(content: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while not content.startswith(b">>", at := _skip(content, at)):
        name = _NAME.match(content, at)
        if name is None or _name(name[1]) in found:
            raise DataFormatError("this PDF was damaged or changed: a dictionary has a name twice, or none")
        found[_name(name[1])], at = read_object(content, name.end(), depth + 1)
    return found, at + 2


def _array(content: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    found = []
    while not content.startswith(b"]", at := _skip(content, at)):
        value, at = read_object(content, at, depth + 1)
        found.append(value)
    return found, at + 1


def _after_string(content: bytes, at: int) -> int:
    opened = 0
    while sign := _IN_STRING.search(content, at):
        at = sign.end() + (sign[0] == b"\\")
        opened += {b"(": 1, b")": -1}.get(sign[0], 0)
        if opened == 0:
            return at
    raise DataFormatError("this PDF was damaged or changed: a text in it has no end")


def _name(written: bytes) -> str:
    # A name may be written with #xx for any letter; read so, it cannot hide.
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), written)
    return plain.decode("latin-1")


def _skip(content: bytes, at: int) -> int:
    found = _SPACE.match(content, at)
    return found.end() if found else at
