"""Issue, renew, revoke, suspend, and publish what verifiers need to know of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.credentials import hybrid
from labkit.credentials.award import Award
from labkit.credentials.badge import build_badge
from labkit.credentials.contexts import BADGE_CONTEXTS, LIST_CONTEXTS
from labkit.credentials.encoding import strict_json
from labkit.credentials.jwt import as_jwt
from labkit.credentials.keys import Keys
from labkit.credentials.office import Held, Office
from labkit.credentials.proofs import add_proof
from labkit.credentials.recipient import is_recipient
from labkit.credentials.status import FORMS, PURPOSES, entry, list_credential
from labkit.credentials.times import written

__all__ = ["change_status", "issue", "publish", "renew"]

_AFTER = {"revoked": ("valid", "suspended"), "suspended": ("valid",), "reinstated": ("suspended",)}


def issue(
    office: Office, keys: Keys, award: Award, *, at: datetime | None = None, domains: bool = False
) -> Path:
    """Issue a credential and return the folder that holds it.

    Parameters
    ----------
    office : Office
    keys : Keys
    award : Award
        Issued at most once for each number.
    at : datetime, optional
        When; now without it.
    domains : bool
        Whether the badge tells the share of each domain, too.

    Raises
    ------
    InvalidInputError
        When the number was used before, or a practice issuer is asked for anything but practice.
    """
    return _issue(office, keys, award, at, None, domains=domains)


def renew(
    office: Office, keys: Keys, which: str, award: Award, *, at: datetime | None = None, domains: bool = False
) -> Path:
    """Issue the successor of a credential: a new one that names the old one; the old one is left as it is.

    Raises
    ------
    InvalidInputError
        When the old one was revoked, or the award is for somebody else or another exam.
    """
    old = office.find(which)
    document = strict_json((office.folder_of(old.id) / "badge.json").read_bytes(), "the badge")
    if old.state != "valid":
        raise InvalidInputError(f"{old.number} is {old.state}: it cannot be renewed")
    if not is_recipient(document, award.identifier):
        raise InvalidInputError(f"the award is not for the holder of {old.number}")
    if not document["credentialSubject"]["achievement"]["id"].startswith(
        f"{office.base}achievements/{award.exam}/"
    ):
        raise InvalidInputError(f"the award is for another exam than {old.number}")
    return _issue(office, keys, award, at, document, domains=domains)


def change_status(
    office: Office, keys: Keys, which: str, event: str, reason: str, *, at: datetime | None = None
) -> Held:
    """Revoke or suspend a credential or lift its suspension, and publish the lists.

    Parameters
    ----------
    office : Office
    keys : Keys
    which : str
        Number or address of the credential.
    event : str
        ``revoked``, ``suspended`` or ``reinstated``.
    reason : str
        Kept in the private register.
    at : datetime, optional
        When it holds from; now.

    Raises
    ------
    InvalidInputError
        When its state does not allow that: what was revoked stays revoked.
    """
    now = at or datetime.now(UTC)
    if not reason.strip():
        raise InvalidInputError("expected a reason: whoever reads the register later will ask for it")
    with office.alone():
        held = office.find(which)
        if held.state not in _AFTER[event]:
            raise InvalidInputError(f"{held.number} is {held.state}: it cannot be {event}")
        office.register({"event": event, "id": held.id, "at": written(now), "reason": reason.strip()})
        _publish(office, keys, now)
        return office.find(held.id)


def publish(office: Office, keys: Keys, *, at: datetime | None = None) -> dict[str, Any]:
    """Sign the status lists and a checkpoint of the log anew, and return the checkpoint."""
    with office.alone():
        return _publish(office, keys, at or datetime.now(UTC))


def _issue(
    office: Office,
    keys: Keys,
    award: Award,
    at: datetime | None,
    renews: Mapping[str, Any] | None,
    *,
    domains: bool,
) -> Path:
    now = at or datetime.now(UTC)
    if office.issuer.practice != (award.mode == "practice"):
        raise InvalidInputError(
            f"the issuer is for {'practice' if office.issuer.practice else 'exams'}, and the award says "
            f"{award.mode}: a practice result never looks like an exam's"
        )
    if award.released_at > now:
        raise DataFormatError(f"the award was released at {written(award.released_at)}, which is yet to come")
    with office.alone():
        if any(each.number == award.number for each in office.held().values()):
            raise InvalidInputError(
                f"the certificate {award.number} was issued before: see its folder, or revoke it"
            )
        index = office.free_index()
        status = {form: entry(office.base, index, form) for form in FORMS}
        bare = build_badge(award, office.issuer, office.base, status, renews=renews, domains=domains)
        badge = add_proof(
            bare["json"], keys.ed25519, office.issuer.method("ed25519"), written(now), BADGE_CONTEXTS
        )
        token = as_jwt(bare["jwt"], keys.p256, office.issuer.method("p256"), BADGE_CONTEXTS)
        folder = ensure_dir(office.folder_of(badge["id"]))
        write_whole(folder / "badge.json", _text(badge))
        write_whole(folder / "badge.jwt", token.encode() + b"\n")
        write_whole(folder / "badge.signature.json", _text(hybrid.sign(badge, keys, office.issuer, "badge")))
        office.register(_entry(award, badge, token, index, now, renews))
        signed = _publish(office, keys, now)
        write_whole(folder / "badge.log.json", _text(office.log.prove(hybrid.digest(badge), signed)))
    return folder


def _entry(
    award: Award,
    badge: Mapping[str, Any],
    token: str,
    index: int,
    at: datetime,
    renews: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "event": "issued" if renews is None else "renewed",
        "id": badge["id"],
        "at": written(at),
        "number": award.number,
        "name": award.name,
        "index": index,
        "credential": hybrid.digest(badge),
        "jwt": digest_of_token(token),
        "valid_until": badge["validUntil"],
        "released_by": list(award.released_by),
        **({"renews": renews["id"]} if renews is not None else {}),
    }


def digest_of_token(token: str) -> str:
    """Return the SHA-256 of a JWT in hexadecimal."""
    import hashlib

    return hashlib.sha256(token.strip().encode()).hexdigest()


def _publish(office: Office, keys: Keys, at: datetime) -> dict[str, Any]:
    """Bring lists and log up to the register: after a power cut, too, since both follow from it."""
    _publish_log(office)
    held = office.held().values()
    states = {"revocation": "revoked", "suspension": "suspended"}
    until = at + timedelta(days=office.list_days)
    for purpose in PURPOSES:
        indices = [each.index for each in held if each.state == states[purpose]]
        bare = {
            form: list_credential(office.issuer, office.base, purpose, form, indices, at, until)
            for form in FORMS
        }
        document = add_proof(
            bare["json"], keys.ed25519, office.issuer.method("ed25519"), written(at), LIST_CONTEXTS
        )
        token = as_jwt(bare["jwt"], keys.p256, office.issuer.method("p256"), LIST_CONTEXTS)
        write_whole(office.public / "status" / f"{purpose}.json", _text(document))
        write_whole(office.public / "status" / f"{purpose}.jwt", token.encode() + b"\n")
    return office.log.sign_checkpoint(office.issuer, keys, at)


def _publish_log(office: Office) -> None:
    """Entry n of the log is event n of the register, without names and reasons."""
    held, known = office.held(), len(office.log.entries())
    public = [
        {
            "n": number,
            "at": event["at"],
            "event": event["event"],
            "credential": held[event["id"]].credential,
            "jwt": held[event["id"]].jwt,
        }
        for number, event in enumerate(office.events())
    ]
    if public[known:]:
        office.log.append(public[known:])


def _text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
