"""The second form of a credential: a JWT signed with ES256, its members at the top level (VC-JOSE-COSE)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError
from labkit.credentials.encoding import MAX_BYTES, base64url_decode, strict_json
from labkit.credentials.members import check_members
from labkit.credentials.times import moment

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["as_jwt", "jwt_holds", "looks_like_jwt", "read_jwt"]

_CLAIMS = ("iss", "jti", "sub", "nbf", "exp")


def as_jwt(
    document: Mapping[str, Any], key: EllipticCurvePrivateKey, method: str, contexts: list[str]
) -> str:
    """Return a credential without a proof as a compact JWT.

    Raises
    ------
    DataFormatError
        When a member is defined by no context.
    """
    from joserfc import jws
    from joserfc.jwk import ECKey

    check_members(document, contexts)
    header = {"alg": "ES256", "typ": "JWT", "kid": method}
    import json

    payload = json.dumps({**_claims_of(document), **document}, separators=(",", ":"), ensure_ascii=False)
    return jws.serialize_compact(header, payload.encode(), ECKey.import_key(_pem(key)))


def looks_like_jwt(content: str) -> bool:
    """Say whether a text has the three parts of a compact JWT."""
    return content.count(".") == 2 and not content.lstrip().startswith("{")


def read_jwt(token: str, contexts: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the address of the key that a JWT names, and the credential in it; no signature is checked.

    Raises
    ------
    DataFormatError
        When its header is not ours, its claims contradict the credential, or a member is not defined.
    """
    if len(token) > MAX_BYTES:
        raise DataFormatError(f"expected a JWT of at most {MAX_BYTES} bytes")
    parts = token.split(".")
    if len(parts) != 3:
        raise DataFormatError("expected a JWT of three parts")
    header = strict_json(base64url_decode(parts[0]), "the header")
    payload = strict_json(base64url_decode(parts[1]), "the payload")
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise DataFormatError("expected a header and a payload that are objects")
    if header.get("alg") != "ES256" or header.get("typ") != "JWT" or set(header) != {"alg", "typ", "kid"}:
        raise DataFormatError(f"expected a header with alg ES256, typ JWT and kid, got {header!r}")
    if not isinstance(header["kid"], str):
        raise DataFormatError("expected kid as the address of a key")
    document = {name: value for name, value in payload.items() if name not in _CLAIMS}
    check_members(document, contexts)
    claims = {name: payload[name] for name in _CLAIMS if name in payload}
    if claims != _claims_of(document):
        raise DataFormatError("its claims iss, jti, sub, nbf, exp contradict the credential in it")
    return header["kid"], document


def jwt_holds(token: str, public: bytes) -> bool:
    """Say whether a JWT was signed by this P-256 key (a compressed point)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey

    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    pem = point.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    try:
        jws.deserialize_compact(token, ECKey.import_key(pem), algorithms=["ES256"])
    except (JoseError, ValueError):
        return False
    return True


def _claims_of(document: Mapping[str, Any]) -> dict[str, Any]:
    issuer, subject = document.get("issuer"), document.get("credentialSubject")
    claims = {
        "iss": issuer.get("id") if isinstance(issuer, Mapping) else issuer,
        "jti": document.get("id"),
        "sub": subject.get("id") if isinstance(subject, Mapping) else None,
        "nbf": _seconds(document.get("validFrom")),
        "exp": _seconds(document.get("validUntil")),
    }
    return {name: value for name, value in claims.items() if value is not None}


def _seconds(text: Any) -> int | None:
    found: datetime | None = moment(text) if isinstance(text, str) else None
    return int(found.timestamp()) if found else None


def _pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
