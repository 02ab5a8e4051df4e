"""How keys and signatures are written: base58, base64 for URLs, multikeys; JSON, strict or in one form."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError

__all__ = [
    "CODECS",
    "MAX_BYTES",
    "base58_decode",
    "base58_encode",
    "base64url_decode",
    "base64url_encode",
    "canonical_json",
    "multikey",
    "read_multikey",
    "strict_json",
]

MAX_BYTES = 512 * 1024
"""No document that is read here is longer; a badge is some 5 kB."""

CODECS = {"ed25519": b"\xed\x01", "p256": b"\x80\x24", "mldsa65": b"\x91\x24"}
"""Kind of public key to its multicodec prefix (0xed, 0x1200, 0x1211 as varints)."""

_LENGTHS = {"ed25519": 32, "p256": 33, "mldsa65": 1952}
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DEEPEST = 40


def base58_encode(content: bytes) -> str:
    """Return ``content`` in base58 with the alphabet of Bitcoin."""
    number, text = int.from_bytes(content), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(content) - len(content.lstrip(b"\0"))) + text


def base58_decode(text: str) -> bytes:
    """Return the bytes that :func:`base58_encode` wrote.

    Raises
    ------
    DataFormatError
        When a letter is none of base58, or there are more than any key or signature has.
    """
    if len(text) > 6000 or any(letter not in _ALPHABET for letter in text):
        raise DataFormatError("expected base58 of at most 6000 letters")
    number = 0
    for letter in text:
        number = number * 58 + _ALPHABET.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)


def base64url_encode(content: bytes) -> str:
    """Return ``content`` in base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def base64url_decode(text: str) -> bytes:
    """Return the bytes that :func:`base64url_encode` wrote.

    Raises
    ------
    DataFormatError
        When it is not written that way, and in no other.
    """
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise DataFormatError(f"expected base64 for URLs: {error}") from None
    if base64url_encode(content) != text:
        raise DataFormatError("expected base64 for URLs without padding and without stray bits")
    return content


def canonical_json(content: Any) -> bytes:
    """Return JSON in the one form of RFC 8785.

    Raises
    ------
    InvalidInputError
        When it holds what JSON cannot.
    """
    import rfc8785

    try:
        return rfc8785.dumps(content)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"expected what JSON can hold: {error}") from None


def multikey(kind: str, public: bytes) -> str:
    """Return a public key as ``z`` and base58 of its codec and bytes."""
    return "z" + base58_encode(CODECS[kind] + public)


def read_multikey(text: str) -> tuple[str, bytes]:
    """Return kind and bytes of a public key.

    Raises
    ------
    DataFormatError
        When it is none of :data:`CODECS`, or of the wrong length.
    """
    content = base58_decode(text[1:]) if text.startswith("z") else b""
    for kind, prefix in CODECS.items():
        if content.startswith(prefix) and len(content) == len(prefix) + _LENGTHS[kind]:
            return kind, content[len(prefix) :]
    raise DataFormatError(f"expected a multikey of {', '.join(CODECS)}, got {text[:24]!r}…")


def strict_json(content: bytes | str, what: str = "the document") -> Any:
    """Return JSON that has one meaning: no double names, no NaN, not deep, not long.

    Raises
    ------
    DataFormatError
        When it is no such JSON.
    """
    size = len(content)
    if size > MAX_BYTES:
        raise DataFormatError(f"{what} has {size} bytes, more than the {MAX_BYTES} that are read")
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        # Depth is looked at before anything recurses; brackets in strings only make it stricter.
        if _depth(text) > _DEEPEST:
            raise DataFormatError(f"{what} is nested deeper than {_DEEPEST}")
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        # A half of a surrogate pair cannot be signed.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except DataFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"{what} is not JSON: {error}") from None
    return value


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in re.findall(r"[\[{\]}]", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise DataFormatError(f"{double!r} stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise DataFormatError(f"{name} is no number of JSON")
