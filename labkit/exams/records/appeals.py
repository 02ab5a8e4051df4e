"""Appeals: what was judged is frozen, and somebody else decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from labkit.core.errors import IntegrityError, InvalidInputError, UnknownNameError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import digest_of
from labkit.exams.records import models
from labkit.exams.records.adding import latest_decision, store_sheet
from labkit.exams.records.database import Records, now
from labkit.exams.records.events import note
from labkit.exams.records.freezing import freeze, read_bytes
from labkit.exams.records.people import require_role
from labkit.exams.records.sheets import Sheet

__all__ = ["DUE_DAYS", "STATES", "Ticket", "answer_appeal", "check_pack", "open_appeal", "tickets"]

STATES: Mapping[str, tuple[str, ...]] = {
    "opened": ("review", "withdrawn"),
    "review": ("upheld", "rejected", "withdrawn"),
    "upheld": (),
    "rejected": (),
    "withdrawn": (),
}
"""State of an appeal, and those that may follow."""

DUE_DAYS = 30
"""Days until an appeal should be decided."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An appeal and where it stands; ``due`` is a date, None once it is closed."""

    id: int
    session: str
    state: str
    reason: str
    opened_at: str
    due: str | None
    by: str
    note: str
    pack_sha256: str


def open_appeal(
    records: Records, name: str, *, reason: str, by: str, envelope: Path, out: Path, pack: Path | None = None
) -> tuple[Ticket, Path]:
    """Open an appeal against a released decision, and freeze what it was decided on.

    The evidence is one file, ``appeal-<session>-<digest>.zip``: the envelope as it was handed in, the
    score sheet, the decision, what happened to the sitting, and the versions of what is
    installed.  Its digest is kept in the gradebook.

    Parameters
    ----------
    records : Records
    name : str
        The session.
    reason : str
        What the candidate objects to.
    by : str
        An officer with the role ``appeals`` who writes it down.
    envelope : Path
        ``submission.zip`` as it was graded.
    out : Path
        Folder for the evidence.
    pack : Path, optional
        ``pack.json`` of the grading folder: with it, ``labkit exam regrade`` runs on the unpacked
        evidence.

    Raises
    ------
    InvalidInputError
        When nothing is released, an appeal is open already, or ``by`` lacks the role.
    IntegrityError
        When the envelope is not the one that was graded.
    """
    if not reason.strip():
        raise InvalidInputError("expected what the candidate objects to, got nothing")
    content, frozen = read_bytes(envelope), read_bytes(pack) if pack is not None else None
    with records.begin() as session:
        key = require_role(session, by, "appeals")
        decision = _released(session, name)
        row = session.get_one(models.ScoreSheet, decision.sheet)
        if digest_of(content) != row.envelope_sha256:
            raise IntegrityError(
                f"{envelope} is not the envelope that was graded for {name}: expected digest "
                f"{row.envelope_sha256[:12]}, got {digest_of(content)[:12]}"
            )
        evidence = freeze(session, decision, row, content, frozen)
        appeal = models.Appeal(
            session=name,
            sheet=decision.sheet,
            reason=reason.strip(),
            pack_sha256=digest_of(evidence),
            opened_at=now(),
        )
        session.add(appeal)
        session.flush()
        session.add(models.AppealStep(appeal=appeal.id, state="opened", by=key, note="", at=now()))
        note(session, "appeal opened", name, key, {"appeal": appeal.id, "pack": appeal.pack_sha256})
        # Written before the transaction ends: no ticket without its evidence.
        path = ensure_dir(out) / f"appeal-{name}-{appeal.pack_sha256[:12]}.zip"
        write_whole(path, evidence)
        ticket = _ticket(session, appeal)
    return ticket, path


def answer_appeal(
    records: Records, number: int, state: str, *, by: str, why: str, sheet: Sheet | None = None
) -> Ticket:
    """Take an appeal to its next state.

    Parameters
    ----------
    records : Records
    number : int
    state : str
        One of those that :data:`STATES` allows next.
    by : str
        An officer with the role ``appeals`` who had no part in the result, and is not the
        candidate; the database refuses it, too.
    why : str
        Why.
    sheet : Sheet, optional
        When it is upheld: the corrected sheet of the same envelope.  It makes a new decision, which
        a second person has to release again.

    Raises
    ------
    InvalidInputError
        When there is no such appeal, the state does not follow, nothing says why, or ``by`` may
        not decide.
    """
    if state not in STATES:
        raise UnknownNameError("state of an appeal", state, STATES)
    if not why.strip():
        raise InvalidInputError("expected why, got nothing: the candidate is told")
    if (state == "upheld") != (sheet is not None):
        raise InvalidInputError(
            "expected the corrected score sheet (--sheet) with 'upheld'"
            if sheet is None
            else f"expected no score sheet with {state!r}: only an upheld appeal changes a result"
        )
    with records.begin() as session:
        key = require_role(session, by, "appeals")
        appeal = session.get(models.Appeal, number)
        if appeal is None:
            raise InvalidInputError(
                f"expected the number of an appeal, got {number}: labkit exam release appeals"
            )
        _had_no_part(session, appeal.session, key)
        before = _steps(session, number)[-1].state
        if state not in STATES[before]:
            allowed = ", ".join(STATES[before]) or "nothing, it is closed"
            raise InvalidInputError(f"appeal {number} is {before!r}: expected {allowed}; got {state!r}")
        if sheet is not None:
            _correct(session, appeal, sheet, key)
        session.add(models.AppealStep(appeal=number, state=state, by=key, note=why.strip(), at=now()))
        note(session, f"appeal {state}", appeal.session, key, {"appeal": number, "why": why.strip()})
        return _ticket(session, appeal)


def tickets(records: Records) -> list[Ticket]:
    """Return every appeal, the oldest first."""
    with records.read() as session:
        return [
            _ticket(session, each)
            for each in session.scalars(select(models.Appeal).order_by(models.Appeal.id))
        ]


def check_pack(records: Records, path: Path) -> Ticket:
    """Return the appeal whose frozen evidence a file is.

    Raises
    ------
    IntegrityError
        When no appeal has it: it was altered, or is of another gradebook.
    """
    digest = digest_of(read_bytes(path))
    with records.read() as session:
        found = session.scalars(select(models.Appeal).where(models.Appeal.pack_sha256 == digest)).first()
        if found is None:
            raise IntegrityError(
                f"{path} is not the evidence of any appeal here: it was altered, or is of elsewhere"
            )
        return _ticket(session, found)


def _released(session: Session, name: str) -> models.Decision:
    decision = latest_decision(session, name)
    if decision is None:
        raise InvalidInputError(f"expected a session in the gradebook, got {name!r}")
    if session.scalars(select(models.Release).where(models.Release.decision == decision.id)).first() is None:
        raise InvalidInputError(f"session {name} is not released: there is nothing to appeal against")
    for each in session.scalars(select(models.Appeal).where(models.Appeal.session == name)):
        if STATES[_steps(session, each.id)[-1].state]:
            raise InvalidInputError(f"appeal {each.id} against this decision is open")
    return decision


def _had_no_part(session: Session, name: str, key: str) -> None:
    sitting = session.get_one(models.Session, name)
    parts = {sitting.candidate_key: "is the candidate"}
    for decision in session.scalars(select(models.Decision).where(models.Decision.session == name)):
        parts[decision.decided_by] = "decided it"
        parts[session.get_one(models.ScoreSheet, decision.sheet).graded_by] = "graded it"
        for each in session.scalars(select(models.Release).where(models.Release.decision == decision.id)):
            parts[each.released_by] = "released it"
    if key in parts:
        raise InvalidInputError(f"expected another person for the appeal: {key} {parts[key]}")


def _correct(session: Session, appeal: models.Appeal, sheet: Sheet, by: str) -> None:
    first = session.get_one(models.ScoreSheet, appeal.sheet)
    if (sheet.session, sheet.envelope_sha256) != (appeal.session, first.envelope_sha256):
        raise InvalidInputError(
            "expected a sheet of the same session and envelope: an appeal grades nothing else"
        )
    if sheet.essence == first.essence:
        raise InvalidInputError(
            "the sheet says what the first one says: then the appeal is rejected, not upheld"
        )
    if session.get(models.ScoreSheet, sheet.digest) is None:
        store_sheet(session, sheet, by)
    passed = sheet.is_passed and sheet.is_verified
    session.add(
        models.Decision(
            session=appeal.session,
            sheet=sheet.digest,
            passed=passed,
            decided_by=by,
            decided_at=now(),
            appeal=appeal.id,
        )
    )
    session.flush()
    note(
        session, "decided", appeal.session, by, {"sheet": sheet.digest, "passed": passed, "appeal": appeal.id}
    )


def _steps(session: Session, number: int) -> list[models.AppealStep]:
    found = session.scalars(
        select(models.AppealStep).where(models.AppealStep.appeal == number).order_by(models.AppealStep.id)
    )
    return list(found)


def _ticket(session: Session, appeal: models.Appeal) -> Ticket:
    last = _steps(session, appeal.id)[-1]
    due = datetime.fromisoformat(appeal.opened_at) + timedelta(days=DUE_DAYS)
    return Ticket(
        appeal.id,
        appeal.session,
        last.state,
        appeal.reason,
        appeal.opened_at,
        due.date().isoformat() if STATES[last.state] else None,
        last.by,
        last.note,
        appeal.pack_sha256,
    )
