"""Whether a submission is the one that its session asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.evidence.entry import canonical
from labkit.exams.envelope.reading import Envelope
from labkit.exams.form import GRACE
from labkit.exams.grading.sessions import SessionFacts

__all__ = ["SERVER", "Arrival", "Verified", "verify"]

SERVER = "the examiner's server"
"""Says when a submission arrived, where one received it."""

CHECKS = ("form", "owner", "nonce", "deadline", "chain")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What whoever took the submission knows of it.

    Attributes
    ----------
    owner : str or None
        Identifier of the candidate who brought it; None where nobody looked.
    at : str or None
        When it arrived by the examiner's clock, UTC in ISO 8601; None where nobody wrote it down.
    by : str or None
        Who says so: :data:`SERVER`, or None for a person.
    added_minutes : int
        Time that was added during the exam, for an incident.
    session : str or None
        Sitting that it was received for, in whose name it was sent; None where nobody received it.
    """

    owner: str | None = None
    at: str | None = None
    by: str | None = None
    added_minutes: int = 0
    session: str | None = None

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Arrival:
        """Return the arrival among what else is known of a submission."""
        return cls(**{each.name: known[each.name] for each in fields(cls) if each.name in known})


@dataclass(frozen=True, slots=True)
class Verified:
    """Check to whether it holds, and the reasons of those that do not.

    ``notes`` are for a human: a time that only the candidate's clock vouches for.  ``arrival`` says when
    it came, by whose clock, and what time was added.
    """

    checks: Mapping[str, bool]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    arrival: Mapping[str, Any] = field(default_factory=dict)

    @property
    def belongs(self) -> bool:
        """Whether it is this session's submission at all: its form, its owner, its nonce."""
        return all(self.checks[name] for name in ("form", "owner", "nonce"))

    @property
    def counts(self) -> bool:
        """Whether what was handed in is measured: it belongs here and came in time."""
        return self.belongs and self.checks["deadline"]

    def as_json(self) -> dict[str, Any]:
        """Return it as the score sheet holds it."""
        return {**self.checks, "reasons": list(self.reasons)}


def verify(envelope: Envelope, facts: SessionFacts, arrival: Arrival | None = None) -> Verified:
    """Hold a submission against the session that it names.

    form
        is the issued one to the byte of its canonical JSON, and the examiner signed it.
    owner
        who brought it is whom the form was issued to, and it was received for that sitting.
    nonce
        is the session's own, so that nothing sealed for another session fits.
    deadline
        was kept, extra time included, by the time of arrival; without one, by the candidate's
        own clock, which is noted.
    chain
        each entry of the log names the one before, and the manifest the last.

    Parameters
    ----------
    envelope : Envelope
    facts : SessionFacts
    arrival : Arrival, optional
    """
    arrival = arrival or Arrival()
    reasons: list[str] = []
    checks: dict[str, bool] = {}
    notes: list[str] = []
    for name in CHECKS:
        problems = _CHECKS[name](envelope, facts, arrival, notes)
        checks[name] = not problems
        reasons += problems
    return Verified(checks, tuple(reasons), tuple(notes), _said(envelope, arrival))


def _said(envelope: Envelope, arrival: Arrival) -> dict[str, Any]:
    """Return when a submission came, and who says so."""
    if arrival.at is None:
        at, by = _worked_until(envelope), "the candidate's own clock"
    else:
        at, by = arrival.at, arrival.by or "the examiner"
    return {"at": str(at)[:40], "by": by, "added_minutes": arrival.added_minutes}


def _form(envelope: Envelope, facts: SessionFacts, arrival: Arrival, notes: list[str]) -> list[str]:
    from labkit.exams.signing import verify as signed

    problems = []
    if envelope.manifest.get("form_sha256") != envelope.form_sha256:
        problems.append("form: the manifest seals another form")
    if canonical(envelope.form) != canonical(facts.form):
        problems.append("form: it is not the one that was issued")
    # The key is the examiner's own; one that came with the submission proves nothing.
    if not signed("form", envelope.form, envelope.signature, bytes.fromhex(facts.public_key)):
        problems.append("form: the examiner did not sign it")
    return problems


def _owner(envelope: Envelope, facts: SessionFacts, arrival: Arrival, notes: list[str]) -> list[str]:
    if envelope.form.get("candidate") != facts.form.get("candidate"):
        return ["owner: the form names another candidate than the one it was issued to"]
    if arrival.owner is not None and arrival.owner != facts.owner:
        return [f"owner: brought by {arrival.owner!r:.80}, and the sitting is somebody else's"]
    if arrival.session not in (None, facts.session):
        # Owner and time are those of the sitting that it was sent for, and no other one's.
        return [f"owner: received for the sitting {arrival.session!r:.90}, and sealed for another one"]
    return []


def _nonce(envelope: Envelope, facts: SessionFacts, arrival: Arrival, notes: list[str]) -> list[str]:
    manifest, form = envelope.manifest, facts.form
    problems = []
    if manifest.get("session") != facts.session or form.get("session") != facts.session:
        problems.append("nonce: sealed for another session")
    if not form.get("nonce") or manifest.get("nonce") != form["nonce"]:
        problems.append("nonce: it is not the one of this session")
    return problems


def _deadline(envelope: Envelope, facts: SessionFacts, arrival: Arrival, notes: list[str]) -> list[str]:
    sealed = arrival.at or envelope.manifest.get("submitted_at")
    try:
        form = facts.form
        times = (arrival.at or _worked_until(envelope), sealed, form["deadline"], form["opened_at"])
        at, sealed, deadline, opened = map(_time, times)
        deadline += timedelta(minutes=arrival.added_minutes)
    except (InvalidInputError, KeyError) as error:
        return [f"deadline: no time that can be read: {error}"]
    if arrival.at is None:
        notes.append("deadline: judged by the candidate's own clock; nobody wrote down when it arrived")
    if at > deadline + GRACE and facts.form.get("mode") != "exam":
        notes.append("deadline: more time was taken than an exam gives")
    elif at > deadline + GRACE:
        came, due = (f"{each.astimezone(UTC):%Y-%m-%d %H:%M:%S}" for each in (at, deadline))
        return [f"deadline: it came at {came} and was due at {due} (UTC)"]
    if min(at, sealed) < opened - GRACE:
        return ["deadline: it was sealed before the sitting was opened"]
    return []


def _worked_until(envelope: Envelope) -> Any:
    """Return when something was handed in last, by the candidate's clock.

    Who stops in time and seals later has kept the deadline.
    """
    worked = [each for each in envelope.log or () if each.get("kind") in ("handed_in", "answered")]
    return worked[-1].get("at") if worked else envelope.manifest.get("submitted_at")


def _chain(envelope: Envelope, facts: SessionFacts, arrival: Arrival, notes: list[str]) -> list[str]:
    from labkit.exams.chain import broken_links, head_of

    if envelope.log is None:
        return [f"chain: {envelope.refused.get('log.jsonl', 'the event log is missing')}"]
    if broken := broken_links(envelope.log, envelope.form_sha256):
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        return [f"chain: {broken[0]}{more}"]
    if head_of(envelope.log, envelope.form_sha256) != envelope.manifest.get("log_head"):
        return ["chain: the manifest seals another log"]
    return []


_CHECKS: dict[str, Callable[[Envelope, SessionFacts, Arrival, list[str]], list[str]]] = {
    "form": _form,
    "owner": _owner,
    "nonce": _nonce,
    "deadline": _deadline,
    "chain": _chain,
}


def _time(text: Any) -> datetime:
    """Return a time; one without a zone is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidInputError(f"expected a time in ISO 8601, got {text!r:.60}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
