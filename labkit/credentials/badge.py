"""A badge: an ``OpenBadgeCredential`` (Open Badges 3.0 on Verifiable Credentials 2.0) for an award."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from labkit.credentials.award import Award
from labkit.credentials.contexts import BADGE_CONTEXTS
from labkit.credentials.frameworks import alignments
from labkit.credentials.issuer import Issuer
from labkit.credentials.times import later, written

__all__ = ["DISCLAIMER", "MODE_NAME", "build_badge", "exam_mode", "identity_hash", "normal", "result_of"]

DISCLAIMER = (
    "An assessment-based certificate. It was issued with software designed to support ISO/IEC 17024; "
    "neither the software nor, by it, the issuer is accredited."
)

MODE_NAME = "Exam mode"
"""Name of the result in which a badge says how the exam was sat."""

_MODES = {
    "practice": "Practice: sat alone, on a public pool of tasks, and graded on the candidate's own machine. "
    "It proves nothing about who sat it.",
    "proctored": "Proctored: a person checked the candidate's identity and watched the sitting.",
    "unproctored": "Unproctored: nobody watched; help from others or from AI cannot be ruled out.",
}


def build_badge(
    award: Award,
    issuer: Issuer,
    base: str,
    status: Mapping[str, dict[str, Any]],
    *,
    renews: Mapping[str, Any] | None = None,
    domains: bool = False,
) -> dict[str, dict[str, Any]]:
    """Return a credential without its signature, for each form that ``status`` has an entry for.

    Parameters
    ----------
    award : Award
    issuer : Issuer
    base : str
        Address under which the issuer publishes.
    status : mapping of str to dict
        Form (``json``, ``jwt``) to the status entry that points to a list of that form.
    renews : mapping, optional
        The credential that this one continues.
    domains : bool
        Whether the share of each domain is told, too.
    """
    id = f"{base}credentials/{uuid.uuid4()}"
    body = {
        "@context": list(BADGE_CONTEXTS),
        "id": id,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": award.exam_title,
        "issuer": issuer.profile(),
        "validFrom": written(award.released_at),
        "validUntil": written(later(award.released_at, months=award.valid_months)),
        "awardedDate": written(award.graded_at),
        "credentialSubject": _subject(award, base, id, domains=domains),
        "evidence": _evidence(award, renews),
    }
    return {form: {**body, "credentialStatus": entry} for form, entry in status.items()}


def _subject(award: Award, base: str, id: str, *, domains: bool) -> dict[str, Any]:
    """Who, what for, and how well; the address of a person is only there as a salted hash."""
    salt = secrets.token_hex(16)
    own = award.identifier if award.identifier.startswith("did:") else f"urn:uuid:{uuid.uuid4()}"
    kind = "emailAddress" if "@" in award.identifier else "identifier"
    named = {"type": "IdentityObject", "hashed": False, "identityHash": award.name, "identityType": "name"}
    hashed = {
        "type": "IdentityObject",
        "hashed": True,
        "identityHash": identity_hash(award.identifier, salt),
        "identityType": kind,
        "salt": salt,
    }
    described, results = _results(award, id, domains=domains)
    achievement = f"{base}achievements/{award.exam}/{award.blueprint}"
    return {
        "id": own,
        "type": ["AchievementSubject"],
        "identifier": [named, hashed],
        "licenseNumber": award.number,
        "result": results,
        "achievement": {
            "id": achievement,
            "type": ["Achievement"],
            "achievementType": "Certificate",
            "name": award.exam_title,
            "version": award.blueprint,
            "description": f"Passed the exam “{award.exam_title}”, blueprint {award.blueprint}: hands-on "
            "tasks measured again by the examiner, and questions.",
            "criteria": {
                "id": f"{achievement}/criteria",
                "narrative": f"The decision rule of blueprint {award.blueprint} was met. "
                f"{_MODES[award.mode]} {DISCLAIMER}",
            },
            **({"alignment": alignments(award.standards)} if award.standards else {}),
            "resultDescription": described,
        },
    }


def _results(award: Award, id: str, *, domains: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    mode: dict[str, Any] = {"name": MODE_NAME, "resultType": "Status", "allowedValue": list(_MODES)}
    percent: dict[str, Any] = {"resultType": "Percent", "valueMin": "0", "valueMax": "100"}
    rows = [("mode", mode, award.mode), ("score", {"name": "Score", **percent}, _percent(award.share))]
    if domains:
        rows += [
            (f"domain-{name}", {"name": f"Domain {name}", **percent}, _percent(share))
            for name, share in award.domains.items()
        ]
    described = [{"id": f"{id}#{key}", "type": ["ResultDescription"], **about} for key, about, _ in rows]
    results = [
        {"type": ["Result"], "resultDescription": f"{id}#{key}", "value": value} for key, _, value in rows
    ]
    return described, results


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _evidence(award: Award, renews: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "type": ["Evidence"],
            "name": "Score sheet",
            "narrative": f"SHA-256 of the score sheet: {award.sheet_sha256}. "
            f"Commitment to the form that was sat: {award.form_commitment}.",
        }
    ]
    if renews is not None:
        found.append(
            {
                "id": renews["id"],
                "type": ["Evidence"],
                "name": "Credential that this one renews",
                "narrative": f"Continues the certificate {renews['credentialSubject']['licenseNumber']}, "
                f"which was valid until {renews['validUntil']}.",
            }
        )
    return found


def normal(identifier: str) -> str:
    """Return an identifier as it is hashed: without space around it, an e-mail address in small letters."""
    trimmed = identifier.strip().removeprefix("mailto:")
    return trimmed.lower() if "@" in trimmed else trimmed


def identity_hash(identifier: str, salt: str) -> str:
    """Return an identifier as Open Badges hashes it: SHA-256 of the identifier followed by the salt."""
    return "sha256$" + hashlib.sha256((normal(identifier) + salt).encode()).hexdigest()


def result_of(document: Mapping[str, Any], name: str) -> str | None:
    """Return the value of the result whose description has this name, or None unless there is exactly one."""
    subject = document.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, Mapping) else None
    if not isinstance(subject, Mapping) or not isinstance(achievement, Mapping):
        return None
    described = [
        each.get("id") for each in _objects(achievement.get("resultDescription")) if each.get("name") == name
    ]
    values = [
        each.get("value")
        for each in _objects(subject.get("result"))
        if len(described) == 1 and each.get("resultDescription") == described[0]
    ]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def exam_mode(document: Mapping[str, Any]) -> str | None:
    """Return how the exam was sat, or None where a badge does not say it in the one place for it."""
    mode = result_of(document, MODE_NAME)
    return mode if mode in _MODES else None


def _objects(value: Any) -> list[Mapping[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, Mapping)]
