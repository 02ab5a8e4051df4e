"""A detached signature by two keys of different kinds: Ed25519 and ML-DSA-65 (FIPS 204).

Both must hold.  If one of the two schemes falls, the other still stands.  It lies beside a badge and is no
part of Open Badges; it is made over canonical JSON (RFC 8785), so a badge may be indented anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.credentials.encoding import base64url_decode, base64url_encode, canonical_json
from labkit.credentials.issuer import Issuer
from labkit.credentials.keys import Keys

__all__ = ["digest", "sign", "signature_holds"]

_KINDS = ("ed25519", "mldsa65")


def digest(content: Any) -> str:
    """Return the SHA-256 of canonical JSON in hexadecimal."""
    return hashlib.sha256(canonical_json(content)).hexdigest()


def sign(content: Any, keys: Keys, issuer: Issuer, about: str) -> dict[str, Any]:
    """Return a detached signature.

    Parameters
    ----------
    content : JSON
    keys : Keys
    issuer : Issuer
        Names the public keys.
    about : str
        What is signed, such as "badge" or "checkpoint": a signature over one is none over the other.
    """
    message = _message(content, about)
    signatures = {
        "ed25519": keys.ed25519.sign(message),
        "mldsa65": keys.mldsa65.sign(message, _context(about)),
    }
    return {
        "format": "labkit hybrid signature",
        "version": 1,
        "about": about,
        "sha256": digest(content),
        "signatures": [
            {"kind": kind, "key": issuer.method(kind), "value": base64url_encode(signatures[kind])}
            for kind in _KINDS
        ],
    }


def signature_holds(content: Any, signature: Mapping[str, Any], issuer: Issuer, about: str) -> bool:
    """Say whether both signatures over ``content`` are those of the issuer.

    Raises
    ------
    DataFormatError
        When it is no such signature, or names a key that the issuer does not publish.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
    except ImportError as error:
        raise DataFormatError("this build of the package cryptography has no ML-DSA") from error

    message = _message(content, about)
    given = _given(signature, about)
    public = {kind: issuer.key(given[kind][0], kind) for kind in _KINDS}
    try:
        Ed25519PublicKey.from_public_bytes(public["ed25519"]).verify(given["ed25519"][1], message)
        post_quantum = MLDSA65PublicKey.from_public_bytes(public["mldsa65"])
        post_quantum.verify(given["mldsa65"][1], message, _context(about))
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm as error:
        raise DataFormatError("this build of the package cryptography has no ML-DSA") from error
    return signature["sha256"] == digest(content)


def _given(signature: Mapping[str, Any], about: str) -> dict[str, tuple[str, bytes]]:
    try:
        head = (signature["format"], signature["version"], signature["about"])
        found = {
            each["kind"]: (each["key"], base64url_decode(each["value"])) for each in signature["signatures"]
        }
        texts = [signature["sha256"], *(key for key, _ in found.values())]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFormatError(f"no hybrid signature: {error}") from None
    if not all(isinstance(each, str) for each in texts):
        raise DataFormatError("no hybrid signature: expected sha256 and the address of each key as text")
    if head != ("labkit hybrid signature", 1, about) or set(found) != set(_KINDS):
        raise DataFormatError(f"expected a hybrid signature about a {about} with {' and '.join(_KINDS)}")
    return found


def _message(content: Any, about: str) -> bytes:
    return _context(about) + b"\0" + canonical_json(content)


def _context(about: str) -> bytes:
    return f"labkit {about} v1".encode()
