"""Whether a credential still stands: one bit for each in a list that says nothing about whose bit it is.

Bitstring Status List v1.0 (W3C Recommendation, 15 May 2025): at least 131,072 bits, the first bit the highest
of its byte, compressed with gzip, written in multibase ``u``.  There are two lists, for revocation (for good)
and suspension (may be lifted), each a credential that the issuer signs and that grows stale.

A badge names the first list only: Open Badges 3.0 allows one status.  The second lies beside it, under the
name of its purpose, and has the same place for the same credential.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.credentials.contexts import LIST_CONTEXTS
from labkit.credentials.encoding import base64url_decode, base64url_encode
from labkit.credentials.issuer import Issuer
from labkit.credentials.times import written

__all__ = [
    "FORMS",
    "PURPOSES",
    "SIZE",
    "bit",
    "decode_bits",
    "encode_bits",
    "entry",
    "list_credential",
    "places",
]

SIZE = 131_072
"""Bits in a list: so many that looking at one list tells nobody which credential you asked about."""

PURPOSES = ("revocation", "suspension")
FORMS = ("json", "jwt")

_LARGEST = 8 * 2**20


def encode_bits(indices: Iterable[int], size: int = SIZE) -> str:
    """Return a list of ``size`` bits with those at ``indices`` set.

    Raises
    ------
    InvalidInputError
        When an index lies outside, or the size is below the smallest or no multiple of eight.
    """
    if size < SIZE or size % 8:
        raise InvalidInputError(f"expected a size from {SIZE} up in whole bytes, got {size}")
    bits = bytearray(size // 8)
    for index in indices:
        if not 0 <= index < size:
            raise InvalidInputError(f"expected an index from 0 to {size - 1}, got {index}")
        bits[index // 8] |= 0x80 >> index % 8
    # Without a time in its head the same bits are the same text.
    return "u" + base64url_encode(gzip.compress(bytes(bits), mtime=0))


def decode_bits(text: str) -> bytes:
    """Return the bits of a list.

    Raises
    ------
    DataFormatError
        When it is no such list, is shorter than the standard allows, or unpacks to more than 8 MiB.
    """
    if not text.startswith("u"):
        raise DataFormatError("expected a list in multibase base64url: it begins with u")
    unpack = zlib.decompressobj(wbits=31)
    try:
        bits = unpack.decompress(base64url_decode(text[1:]), _LARGEST)
    except zlib.error as error:
        raise DataFormatError(f"the list does not unpack: {error}") from None
    if not unpack.eof or unpack.unused_data or unpack.unconsumed_tail:
        raise DataFormatError("the list is cut off, has something behind it, or is larger than 8 MiB")
    if len(bits) * 8 < SIZE:
        raise DataFormatError(f"expected {SIZE} bits or more, got {len(bits) * 8}")
    return bits


def bit(bits: bytes, index: int) -> bool:
    """Return the bit at ``index``.

    Raises
    ------
    DataFormatError
        When the list has no such bit.
    """
    if not 0 <= index < len(bits) * 8:
        raise DataFormatError(f"expected an index from 0 to {len(bits) * 8 - 1}, got {index}")
    return bool(bits[index // 8] & 0x80 >> index % 8)


def entry(base: str, index: int, form: str) -> dict[str, Any]:
    """Return what stands in a credential: where its bit is in the list of what was revoked.

    Parameters
    ----------
    base : str
        Address under which the issuer publishes.
    index : int
    form : str
        ``json`` for lists with a proof inside, ``jwt`` for lists as JWT: a badge in one form points to
        lists in the same, so that a verifier of one form needs no other.
    """
    address = _address(base, PURPOSES[0], form)
    return {
        "id": f"{address}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": PURPOSES[0],
        "statusListIndex": str(index),
        "statusListCredential": address,
    }


def list_credential(
    issuer: Issuer, base: str, purpose: str, form: str, indices: Iterable[int], at: datetime, until: datetime
) -> dict[str, Any]:
    """Return a status list as a credential, without its signature."""
    address = _address(base, purpose, form)
    return {
        "@context": list(LIST_CONTEXTS),
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.id,
        "validFrom": written(at),
        "validUntil": written(until),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encode_bits(indices),
        },
    }


def places(entry: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return purpose, address of the list and index for each list that tells whether a credential stands.

    Parameters
    ----------
    entry : mapping
        The status in a credential.

    Raises
    ------
    DataFormatError
        When it is no entry of one bit in a list of what was revoked.
    """
    names = ("type", "statusPurpose", "statusListCredential", "statusListIndex")
    values = [entry.get(name) for name in names]
    kind, purpose, address, index = values
    if kind != "BitstringStatusListEntry" or not all(isinstance(each, str) for each in values):
        raise DataFormatError(f"expected a status of type BitstringStatusListEntry, got {kind!r}")
    if "statusSize" in entry or not str(index).isascii() or not str(index).isdigit() or len(str(index)) > 9:
        raise DataFormatError(f"expected a status of one bit at a whole number, got {index!r}")
    base, _, form = str(address).rpartition(f"status/{PURPOSES[0]}.")
    if purpose != PURPOSES[0] or not base.endswith("/") or form not in FORMS:
        raise DataFormatError(
            f"expected a status in a list of what was revoked, got {purpose!r} in {address!r}"
        )
    return [(each, _address(base, each, form), int(str(index))) for each in PURPOSES]


def _address(base: str, purpose: str, form: str) -> str:
    return f"{base}status/{purpose}.{form}"
