"""The proof inside a credential: Data Integrity with the suite ``eddsa-rdfc-2022`` (W3C VC-DI-EDDSA)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError
from labkit.credentials.encoding import base58_decode, base58_encode
from labkit.credentials.members import canonical_rdf, check_members

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["SUITE", "add_proof", "proof_holds", "proof_of"]

SUITE = "eddsa-rdfc-2022"

_MEMBERS = {"type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"}


def add_proof(
    document: Mapping[str, Any], key: Ed25519PrivateKey, method: str, created: str, contexts: list[str]
) -> dict[str, Any]:
    """Return ``document`` with one embedded proof.

    Parameters
    ----------
    document : mapping
        A credential without a proof; every member of it must be defined.
    key : Ed25519PrivateKey
    method : str
        Address of the public key, as the issuer's document names it.
    created : str
        When, UTC in ISO 8601.
    contexts : list of str
        The contexts that the document must have.

    Raises
    ------
    DataFormatError
        When a member would not be covered by the proof.
    """
    check_members(document, contexts)
    config = {
        "type": "DataIntegrityProof",
        "cryptosuite": SUITE,
        "created": created,
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
    }
    signature = key.sign(_hash_data(document, config))
    return {**document, "proof": {**config, "proofValue": "z" + base58_encode(signature)}}


def proof_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one proof of a credential.

    Raises
    ------
    DataFormatError
        When there is none, more than one, or one of another kind.
    """
    proof = document.get("proof")
    if not isinstance(proof, Mapping):
        raise DataFormatError("it carries no proof" if proof is None else "expected one proof, as an object")
    if set(proof) != _MEMBERS or not all(isinstance(each, str) for each in proof.values()):
        raise DataFormatError(
            f"expected a proof of {', '.join(sorted(_MEMBERS))}; got {', '.join(map(repr, sorted(proof)))}"
        )
    expected = {"type": "DataIntegrityProof", "cryptosuite": SUITE, "proofPurpose": "assertionMethod"}
    for name, value in expected.items():
        if proof[name] != value:
            raise DataFormatError(f"expected a proof with {name} {value!r}, got {proof[name]!r}")
    return proof


def proof_holds(document: Mapping[str, Any], public: bytes, contexts: list[str]) -> bool:
    """Say whether the proof of a credential was made over exactly this document by this Ed25519 key.

    Raises
    ------
    DataFormatError
        When the document has members that no signature covers, or no proof that could be checked.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    proof = proof_of(document)
    bare = {name: value for name, value in document.items() if name != "proof"}
    check_members(bare, contexts)
    config = {name: value for name, value in proof.items() if name != "proofValue"}
    signature = base58_decode(proof["proofValue"][1:]) if proof["proofValue"].startswith("z") else b""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _hash_data(bare, config))
    except InvalidSignature:
        return False
    return True


def _hash_data(document: Mapping[str, Any], config: Mapping[str, Any]) -> bytes:
    """SHA-256 of the proof's options, then SHA-256 of the document, both in canonical RDF."""
    options = {"@context": document["@context"], **config}
    return hashlib.sha256(canonical_rdf(options)).digest() + hashlib.sha256(canonical_rdf(document)).digest()
