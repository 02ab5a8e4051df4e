"""Verify a credential offline, against what its issuer published: each question answered by itself.

Whether a signature holds says nothing about who signed, whether it still stands, or whose it is.  A question
that cannot be answered counts as answered with no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.core.errors import DataFormatError, LabkitError
from labkit.credentials import hybrid
from labkit.credentials.badge import exam_mode, result_of
from labkit.credentials.carriers import badge_in
from labkit.credentials.contexts import BADGE_CONTEXTS
from labkit.credentials.encoding import strict_json
from labkit.credentials.issuing import digest_of_token
from labkit.credentials.jwt import looks_like_jwt, read_jwt
from labkit.credentials.log import inclusion_problem
from labkit.credentials.published import Published, signed_content
from labkit.credentials.recipient import holder_name, is_recipient
from labkit.credentials.status import places
from labkit.credentials.times import moment, written

__all__ = ["Check", "Report", "verify"]

_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Check:
    """The answer to one question.

    Attributes
    ----------
    name : str
        ``signature``, ``issuer``, ``time``, ``status``, ``recipient``; and ``second signature``, ``log``
        where a file for it was given.
    state : str
        ``passed``, ``failed``, or ``not asked``.
    say : str
        Why, in a sentence.
    """

    name: str
    state: str
    say: str


@dataclass(frozen=True)
class Report:
    """What came out.

    Attributes
    ----------
    checks : tuple of Check
    facts : mapping of str to str
        What the credential says; only filled when its signature holds.
    carrier : str
        The kind of file that the badge was taken out of, ``pdf``, ``svg`` or ``html``; empty when it lay
        there by itself.  Nothing that such a file shows was verified.
    """

    checks: tuple[Check, ...]
    facts: Mapping[str, str] = field(hash=False)
    carrier: str = ""

    @property
    def valid(self) -> bool:
        """Whether every question was answered with yes, but for one that was not asked."""
        asked = [each for each in self.checks if each.state != "not asked"]
        needed = {"signature", "issuer", "time", "status"}
        return needed <= {each.name for each in asked} and all(each.state == "passed" for each in asked)

    def as_json(self) -> dict[str, Any]:
        checks = {each.name: {"state": each.state, "say": each.say} for each in self.checks}
        return {"valid": self.valid, "checks": checks, "facts": dict(self.facts), "carrier": self.carrier}


def verify(
    content: bytes,
    published: Sequence[Published],
    *,
    at: datetime | None = None,
    recipient: str | None = None,
    practice: bool = False,
    signature: bytes | None = None,
    log_proof: bytes | None = None,
) -> Report:
    """Verify a credential in either of its forms, in any file that it is handed out in.

    Parameters
    ----------
    content : bytes
        The badge: JSON with a proof inside, or a JWT; or a certificate as PDF, SVG or HTML that carries one.
    published : sequence of Published
        The issuers that you trust, each with its status lists.
    at : datetime, optional
        The moment to judge by; now without it.
    recipient : str, optional
        Who says that it is theirs: an e-mail address, a DID or a number of a register.
    practice : bool
        Whether a practice issuer, whose key vouches for itself, will do.
    signature, log_proof : bytes, optional
        The detached signature and the proof from the log that lie beside a badge.
    """
    now = at or datetime.now(UTC)
    try:
        carrier, text, document = _read(content)
    except LabkitError as error:
        return _unreadable(str(error), recipient)
    trusted = next((each for each in published if each.issuer.id == _issuer_id(document)), None)
    signed = _ask("signature", lambda: _signature(text, trusted, document, now))
    questions: dict[str, Callable[[], str]] = {
        "issuer": lambda: _issuer(document, trusted, practice=practice),
        "time": lambda: _time(document, now),
        "status": lambda: _status(document, trusted, now),
    }
    if signed.state != "passed":
        # What nobody signed may say anything; answers drawn from it would only look like answers.
        questions = {name: _nothing_to_believe for name in questions}
    checks = [signed, *(_ask(name, ask) for name, ask in questions.items())]
    checks.append(_recipient(document, recipient, believed=signed.state == "passed"))
    if signature is not None:
        checks.append(_ask("second signature", lambda: _second(text, document, signature, trusted)))
    if log_proof is not None:
        checks.append(_ask("log", lambda: _log(text, document, log_proof, trusted)))
    return Report(tuple(checks), _facts(document) if signed.state == "passed" else {}, carrier)


def _read(content: bytes) -> tuple[str, str, dict[str, Any]]:
    found = badge_in(content)
    if looks_like_jwt(found.text):
        return found.carrier, found.text, read_jwt(found.text, BADGE_CONTEXTS)[1]
    document = strict_json(found.text, "the badge")
    if not isinstance(document, dict):
        raise DataFormatError("expected a credential as an object")
    return found.carrier, found.text, document


def _unreadable(why: str, recipient: str | None) -> Report:
    rest = [Check(name, "failed", _NOTHING) for name in ("issuer", "time", "status")]
    asked = Check("recipient", "failed", _NOTHING) if recipient else _NOT_ASKED
    return Report((Check("signature", "failed", f"Nothing that can be verified: {why}."), *rest, asked), {})


def _ask(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name, "passed", ask())
    except LabkitError as error:
        return Check(name, "failed", f"{str(error)[:1].upper()}{str(error)[1:]}.")


_NOTHING = "Not answered: the signature does not hold, so nothing in the document can be believed."
_NOT_ASKED = Check(
    "recipient", "not asked", "Not asked: name who showed it to you to find out whether it is theirs."
)


def _nothing_to_believe() -> str:
    raise DataFormatError(_NOTHING.rstrip("."))


def _signature(text: str, trusted: Published | None, document: Mapping[str, Any], now: datetime) -> str:
    if trusted is None:
        raise DataFormatError(
            f"the keys of {_issuer_id(document)!r} are not at hand, so its signature cannot be "
            "checked: name the folder that the issuer publishes"
        )
    _, holds = signed_content(text, trusted.issuer, BADGE_CONTEXTS)
    if not holds:
        raise DataFormatError("it was changed after it was signed, or somebody else signed it")
    types = document.get("type")
    if not isinstance(types, list) or not {"VerifiableCredential", "OpenBadgeCredential"} <= set(
        map(str, types)
    ):
        raise DataFormatError("the signature holds, but this is no Open Badges 3.0 credential")
    proof = document.get("proof")
    if isinstance(proof, Mapping) and moment(proof["created"]) > now + _SKEW:
        raise DataFormatError(f"it claims to be signed at {proof['created']}, which is yet to come")
    return "It is exactly what the key of the issuer signed."


def _issuer(document: Mapping[str, Any], trusted: Published | None, *, practice: bool) -> str:
    if trusted is None:
        raise DataFormatError("nobody whom you trust")
    mode = exam_mode(document)
    name = trusted.issuer.name or trusted.issuer.id
    if mode is None:
        raise DataFormatError("it does not say in the place for it whether the exam was proctored")
    if not trusted.issuer.practice:
        if mode == "practice":
            raise DataFormatError("a practice result under the name of an issuer of exams")
        return f"{name} ({trusted.issuer.id}), whose published keys you hold."
    if mode != "practice":
        raise DataFormatError(
            "a key that only vouches for itself issued it, and it does not say that it is practice"
        )
    if not practice:
        raise DataFormatError(
            "practice: the key vouches for itself, so anybody could have made it; --practice lets that do"
        )
    return f"Practice: {name}, a key that vouches for itself. It proves nothing to others."


def _time(document: Mapping[str, Any], now: datetime) -> str:
    since = moment(str(document.get("validFrom")))
    until = moment(str(document.get("validUntil"))) if "validUntil" in document else None
    if now + _SKEW < since:
        raise DataFormatError(f"valid only from {written(since)}")
    if until is None:
        raise DataFormatError("it says no end, and a certificate has one")
    if now >= until:
        raise DataFormatError(f"it expired on {written(until)}")
    return f"Valid from {written(since)} to {written(until)}."


def _status(document: Mapping[str, Any], trusted: Published | None, now: datetime) -> str:
    given = document.get("credentialStatus")
    if trusted is None or not isinstance(given, Mapping):
        raise DataFormatError("expected one status, in a list of what was revoked")
    said = {"revocation": "it was revoked", "suspension": "it is suspended"}
    windows = []
    for purpose, address, index in places(given):
        is_set, since, until = trusted.look_up(purpose, address, index, now)
        if is_set:
            raise DataFormatError(said[purpose])
        windows.append((since, until))
    signed, holds = (written(min(each)) for each in zip(*windows, strict=True))
    lists = f"the lists that the issuer signed at {signed}; they hold until {holds}"
    return f"Neither revoked nor suspended, say {lists}."


def _recipient(document: Mapping[str, Any], recipient: str | None, *, believed: bool) -> Check:
    if recipient is None:
        return _NOT_ASKED
    if not believed:
        return Check("recipient", "failed", _NOTHING)
    if is_recipient(document, recipient):
        return Check("recipient", "passed", f"Issued to {recipient}.")
    return Check("recipient", "failed", f"It was not issued to {recipient}.")


def _second(text: str, document: Mapping[str, Any], signature: bytes, trusted: Published | None) -> str:
    if looks_like_jwt(text):
        raise DataFormatError("the detached signature is over badge.json, not over the JWT")
    given = strict_json(signature, "the detached signature")
    if trusted is None or not isinstance(given, dict):
        raise DataFormatError("no detached signature, or no keys to check it with")
    if not hybrid.signature_holds(document, given, trusted.issuer, "badge"):
        raise DataFormatError("the detached signature is over something else, or somebody else's")
    return "The detached signature by Ed25519 and ML-DSA-65 holds, both halves of it."


def _log(text: str, document: Mapping[str, Any], proof: bytes, trusted: Published | None) -> str:
    given = strict_json(proof, "the proof from the log")
    if trusted is None or not isinstance(given, dict):
        raise DataFormatError("no proof from the log, or no keys to check it with")
    digest = digest_of_token(text) if looks_like_jwt(text) else hybrid.digest(document)
    if problem := inclusion_problem(given, digest, trusted.issuer):
        raise DataFormatError(f"the proof from the log does not hold: {problem}")
    return f"It is entry {given['index']} of the issuer's log, under a signed checkpoint."


def _issuer_id(document: Mapping[str, Any]) -> str:
    issuer = document.get("issuer")
    id = issuer.get("id") if isinstance(issuer, Mapping) else issuer
    return id if isinstance(id, str) else ""


def _facts(document: Mapping[str, Any]) -> dict[str, str]:
    subject = document.get("credentialSubject")
    subject = subject if isinstance(subject, Mapping) else {}
    issuer = document.get("issuer")
    found = {
        "id": document.get("id"),
        "title": document.get("name"),
        "holder": holder_name(document),
        "number": subject.get("licenseNumber"),
        "mode": exam_mode(document),
        "score": result_of(document, "Score"),
        "issuer": issuer.get("name") if isinstance(issuer, Mapping) else None,
        "valid_from": document.get("validFrom"),
        "valid_until": document.get("validUntil"),
    }
    return {name: value for name, value in found.items() if isinstance(value, str) and value}
