"""What an issuer publishes, as somebody who verifies has it: a folder, downloaded once or carried along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from labkit.core.errors import DataFormatError, StorageError
from labkit.credentials.contexts import LIST_CONTEXTS
from labkit.credentials.encoding import MAX_BYTES, base64url_decode, strict_json
from labkit.credentials.issuer import Issuer, issuer_from_json
from labkit.credentials.jwt import jwt_holds, looks_like_jwt, read_jwt
from labkit.credentials.proofs import proof_holds, proof_of
from labkit.credentials.status import bit, decode_bits
from labkit.credentials.times import moment, written

__all__ = ["Published", "read_published", "signed_content"]


@dataclass(frozen=True)
class Published:
    """An issuer whom the reader chose to trust, and its status lists.

    Attributes
    ----------
    issuer : Issuer
    lists : tuple of str
        Text of each status list, with a proof inside or as JWT; nothing is believed before it is verified.
    """

    issuer: Issuer
    lists: tuple[str, ...] = ()

    def look_up(
        self, purpose: str, address: str, index: int, at: datetime
    ) -> tuple[bool, datetime, datetime]:
        """Return the bit of a credential in the list at ``address``, and from when to when that list holds.

        Raises
        ------
        DataFormatError
            When there is no such list, it is not the issuer's, is about something else, or is stale: then
            nobody can say.
        """
        problems, newest = [f"the status list {address} is not at hand"], None
        for text in self.lists:
            try:
                if _claimed_address(text) != address:
                    continue
                document, holds = signed_content(text, self.issuer, LIST_CONTEXTS)
            except DataFormatError as error:
                problems.append(f"a status list cannot be read: {error}")
                continue
            if not holds:
                raise DataFormatError(f"the status list {address} is not signed by the issuer")
            # Of several with one address the newest counts: an old copy hides nothing.
            if newest is None or _since(document) > _since(newest):
                newest = document
        if newest is None:
            raise DataFormatError(problems[-1])
        bits = _bits(newest, self.issuer, purpose, at)
        return bit(bits, index), _since(newest), _until(newest)


def read_published(folder: Path) -> Published:
    """Return what an issuer published into a folder.

    Raises
    ------
    StorageError
        When there is no ``issuer.json`` (or ``did.json``) in it.
    DataFormatError
        When that is no document of an issuer.
    """
    found = next((each for each in (folder / "issuer.json", folder / "did.json") if each.is_file()), None)
    if found is None:
        raise StorageError(f"expected issuer.json in {folder}: the folder that an issuer publishes")
    lists = [
        path.read_text(encoding="utf-8", errors="replace").strip()
        for path in sorted((folder / "status").glob("*"))
        if path.suffix in (".json", ".jwt") and path.stat().st_size <= MAX_BYTES
    ]
    return Published(issuer_from_json(found.read_bytes()), tuple(lists))


def signed_content(text: str, issuer: Issuer, contexts: list[str]) -> tuple[dict[str, object], bool]:
    """Return a credential of either form, and whether a key of ``issuer`` signed exactly this.

    Raises
    ------
    DataFormatError
        When it is no credential, has members that are not signed, or names a key that is not the issuer's.
    """
    if looks_like_jwt(text):
        method, document = read_jwt(text.strip(), contexts)
        return document, jwt_holds(text.strip(), issuer.key(method, "p256"))
    document = strict_json(text, "the credential")
    if not isinstance(document, dict):
        raise DataFormatError("expected a credential as an object")
    method = proof_of(document)["verificationMethod"]
    return document, proof_holds(document, issuer.key(method, "ed25519"), contexts)


def _claimed_address(text: str) -> object:
    """Return which list a text says it is: the others need not be verified to be passed over."""
    body = base64url_decode(text.split(".")[1]) if looks_like_jwt(text) else text
    document = strict_json(body, "the credential")
    return document.get("id") if isinstance(document, dict) else None


def _bits(document: dict[str, object], issuer: Issuer, purpose: str, at: datetime) -> bytes:
    subject = document.get("credentialSubject")
    types = document.get("type")
    if not isinstance(types, list) or "BitstringStatusListCredential" not in types:
        raise DataFormatError("the status list is a credential of another type")
    if document.get("issuer") != issuer.id:
        raise DataFormatError(f"the status list is of {document.get('issuer')!r}, not of {issuer.id}")
    if (
        not isinstance(subject, dict)
        or subject.get("type") != "BitstringStatusList"
        or "statusSize" in subject
    ):
        raise DataFormatError("the status list holds no list of single bits")
    if subject.get("statusPurpose") != purpose:
        raise DataFormatError(
            f"the status list is about {subject.get('statusPurpose')!r}, not about {purpose}"
        )
    since, until = _since(document), _until(document)
    if not since <= at < until:
        raise DataFormatError(
            f"the status list held from {written(since)} to {written(until)}: get a fresh one from the issuer"
        )
    return decode_bits(str(subject.get("encodedList")))


def _since(document: dict[str, object]) -> datetime:
    return moment(str(document.get("validFrom")))


def _until(document: dict[str, object]) -> datetime:
    return moment(str(document.get("validUntil")))
