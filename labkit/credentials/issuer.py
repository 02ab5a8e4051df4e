"""Who issues: an identity whose public keys others can find, and the document that lists them.

Three kinds of id.  ``did:web:example.org`` and ``https://example.org/issuer.json`` get their trust from the
domain that serves the document.  ``did:key:z…`` is only a key that vouches for itself: for practice.
Nothing binds further keys to it but its own signature over the document that lists them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.credentials.encoding import (
    base64url_decode,
    base64url_encode,
    canonical_json,
    read_multikey,
    strict_json,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Issuer", "base_address", "endorse", "issuer_from_json", "kind_of_id", "make_issuer"]

_DOCUMENT_CONTEXTS = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]
_HOST = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:%3A\d{1,5})?"
_DID_WEB = re.compile(rf"did:web:({_HOST})((?::[A-Za-z0-9._-]+)*)")
_HTTPS = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:/[A-Za-z0-9._~-]+)+")
_DID_KEY = re.compile(r"did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}")


@dataclass(frozen=True)
class Issuer:
    """Who issues, as its published document says.

    Attributes
    ----------
    id : str
    name : str
    url : str
        Its home page; may be empty.
    methods : mapping of str to str
        Address of each public key to the key as a multikey; the first of each kind is in use.
    endorsement : str
        Signature of a practice issuer's key over its document; empty for others.
    """

    id: str
    name: str
    url: str
    methods: Mapping[str, str] = field(hash=False)
    endorsement: str = ""

    @property
    def practice(self) -> bool:
        """Whether the id is a key that vouches for itself."""
        return kind_of_id(self.id) == "did:key"

    def method(self, kind: str) -> str:
        """Return the address of the key of one kind that is in use."""
        for address, key in self.methods.items():
            if read_multikey(key)[0] == kind:
                return address
        raise InvalidInputError(f"{self.id} publishes no key of the kind {kind}")

    def key(self, address: str, kind: str) -> bytes:
        """Return the public key at ``address``, which must be of ``kind`` and this issuer's.

        Raises
        ------
        DataFormatError
            When the issuer publishes no such key.
        """
        found = self.methods.get(address)
        if found is None:
            raise DataFormatError(f"{self.id} publishes no key {address!r}")
        actual, content = read_multikey(found)
        if actual != kind:
            raise DataFormatError(f"{address!r} is a key of {actual}, and {kind} is needed")
        return content

    def as_json(self) -> dict[str, Any]:
        """Return the document to publish: a DID document, or a profile with the same members."""
        return {
            "@context": _DOCUMENT_CONTEXTS,
            "id": self.id,
            "name": self.name,
            **({"url": self.url} if self.url else {}),
            "verificationMethod": [
                {"id": address, "type": "Multikey", "controller": self.id, "publicKeyMultibase": key}
                for address, key in self.methods.items()
            ],
            "assertionMethod": list(self.methods),
            **({"endorsement": self.endorsement} if self.endorsement else {}),
        }

    def profile(self) -> dict[str, Any]:
        """Return the profile that stands in a badge."""
        described = {"id": self.id, "type": ["Profile"], "name": self.name}
        return {**described, "url": self.url} if self.url else described


def make_issuer(
    id: str, name: str, url: str, public: Mapping[str, str], earlier: Mapping[str, str] | None = None
) -> Issuer:
    """Return the issuer of these public keys; an empty id stands for the ``did:key`` of the first.

    Parameters
    ----------
    id, name, url : str
    public : mapping of str to str
        Kind of key to multikey.
    earlier : mapping of str to str, optional
        Addresses and multikeys that signed before and are no longer in use.
    """
    id = id or f"did:key:{public['ed25519']}"
    kind_of_id(id)
    # A key of ML-DSA is 2,700 letters long: its address is made from its digest.
    short = {
        key: key if len(key) < 100 else hashlib.sha256(key.encode()).hexdigest()[:32]
        for key in public.values()
    }
    methods = {f"{id}#{name}": key for key, name in short.items()}
    return Issuer(id, name, url, {**methods, **(earlier or {})})


def endorse(issuer: Issuer, key: Ed25519PrivateKey) -> Issuer:
    """Return a practice issuer with the signature of its key over all that its document says.

    Parameters
    ----------
    issuer : Issuer
    key : Ed25519PrivateKey
        The one that its id spells.
    """
    return replace(issuer, endorsement=base64url_encode(key.sign(_endorsed(issuer.as_json()))))


def issuer_from_json(content: bytes) -> Issuer:
    """Return the issuer that a published document describes.

    Raises
    ------
    DataFormatError
        When it is no such document, or lists a key that is not its own: for a did:key, one that its key
        did not sign for.
    """
    raw = strict_json(content, "the issuer's document")
    try:
        id, asserting = raw["id"], raw["assertionMethod"]
        methods = {
            each["id"]: each["publicKeyMultibase"]
            for each in raw["verificationMethod"]
            if each["controller"] == id and each["id"] in asserting and each["id"].startswith(f"{id}#")
        }
        endorsement = str(raw.get("endorsement", ""))
        issuer = Issuer(id, str(raw.get("name", "")), str(raw.get("url", "")), methods, endorsement)
        signing = {key for key in methods.values() if read_multikey(key)[0] == "ed25519"}
        kind = kind_of_id(id)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataFormatError(f"no document of an issuer: {error}") from None
    except InvalidInputError as error:
        raise DataFormatError(str(error)) from None
    # Anybody can write such a document about anybody's did:key: only the key that it spells is theirs.
    own = id.removeprefix("did:key:")
    if kind == "did:key" and signing != {own}:
        raise DataFormatError("the key of a did:key must be the one that its id spells, and no other signs")
    if kind == "did:key" and set(methods.values()) != {own} and not _endorsement_holds(raw, own):
        raise DataFormatError("the key of a did:key did not sign for the other keys in its document")
    return issuer


def _endorsed(document: Mapping[str, Any]) -> bytes:
    """Return what the key of a practice issuer signs: the document without that signature."""
    return b"labkit issuer v1\0" + canonical_json(
        {name: value for name, value in document.items() if name != "endorsement"}
    )


def _endorsement_holds(document: Mapping[str, Any], own: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = base64url_decode(str(document.get("endorsement", "")))
    try:
        Ed25519PublicKey.from_public_bytes(read_multikey(own)[1]).verify(signature, _endorsed(document))
    except (InvalidSignature, InvalidInputError):
        return False
    return True


def kind_of_id(id: str) -> str:
    """Return ``did:web``, ``https`` or ``did:key``.

    Raises
    ------
    InvalidInputError
        When it is none of them.
    """
    for kind, form in {"did:web": _DID_WEB, "https": _HTTPS, "did:key": _DID_KEY}.items():
        if isinstance(id, str) and form.fullmatch(id):
            return kind
    raise InvalidInputError(
        "expected an issuer as did:web:example.org, did:web:example.org:exams or "
        f"https://example.org/issuer.json (for practice: did:key), got {id!r}"
    )


def base_address(id: str) -> str:
    """Return the address under which an issuer serves what it publishes, ending in a slash.

    A practice issuer serves nothing: its addresses lie under ``practice.invalid``, a name that by its
    reservation (RFC 6761) never leads anywhere.
    """
    kind = kind_of_id(id)
    if kind == "https":
        return id[: id.rindex("/") + 1]
    if kind == "did:key":
        return f"https://practice.invalid/{id[-16:].lower()}/"
    host, path = _DID_WEB.fullmatch(id).groups()  # type: ignore[union-attr]
    return f"https://{host.replace('%3A', ':')}{path.replace(':', '/')}/"
