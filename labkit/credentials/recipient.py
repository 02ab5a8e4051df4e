"""Whose credential it is: an identifier against the subject's own id and against salted hashes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from labkit.credentials.badge import identity_hash, normal

__all__ = ["holder_name", "is_recipient"]


def is_recipient(document: Mapping[str, Any], identifier: str) -> bool:
    """Say whether a badge was issued to whom ``identifier`` names."""
    subject = document.get("credentialSubject")
    if not isinstance(subject, Mapping) or not normal(identifier):
        return False
    # The address that an issuer made up for somebody without a DID stands in the badge: whoever has seen
    # it can say it, so it is nobody's identity.
    if subject.get("id") == identifier.strip() and not identifier.strip().startswith("urn:uuid:"):
        return True
    return any(_same(each, identifier) for each in _identities(subject) if each.get("hashed") is True)


def holder_name(document: Mapping[str, Any]) -> str:
    """Return the name in a badge; empty when it has none."""
    subject = document.get("credentialSubject")
    named = [
        str(each.get("identityHash"))
        for each in (_identities(subject) if isinstance(subject, Mapping) else [])
        if each.get("hashed") is False and each.get("identityType") == "name"
    ]
    return named[0] if len(named) == 1 else ""


def _identities(subject: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    value = subject.get("identifier")
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, Mapping)]


def _same(identity: Mapping[str, Any], identifier: str) -> bool:
    # A name is no identifier: many people share one.
    if identity.get("identityType") == "name":
        return False
    salt = identity.get("salt", "")
    hashed = identity_hash(identifier, salt if isinstance(salt, str) else "")
    return hmac.compare_digest(hashed.encode(), str(identity.get("identityHash")).encode())
