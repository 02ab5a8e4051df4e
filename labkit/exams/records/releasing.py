"""Release a decision, by a second person; what leaves is an award in plain JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from labkit.core.errors import InvalidInputError
from labkit.exams.aligning import aligned, alignments_of
from labkit.exams.blueprint import Blueprint
from labkit.exams.records import models
from labkit.exams.records.adding import latest_decision
from labkit.exams.records.database import Records, now
from labkit.exams.records.events import note
from labkit.exams.records.people import require_role
from labkit.exams.records.sheets import Sheet, sheet_of

__all__ = ["Released", "award_of", "practice_award", "release"]

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no I, L, O or U to mistake."""


@dataclass(frozen=True, slots=True)
class Released:
    """What became of one session: ``released``, ``known`` (it was already) or ``refused``, and why."""

    session: str
    outcome: str
    passed: bool | None = None
    number: str | None = None
    why: str = ""


def release(records: Records, sessions: Sequence[str], *, by: str) -> list[Released]:
    """Release the standing decision of each session.

    Parameters
    ----------
    records : Records
    sessions : sequence of str
    by : str
        An officer with the role ``releaser`` who neither graded nor decided, and is not the
        candidate; the database refuses it, too.

    Raises
    ------
    InvalidInputError
        When ``by`` is no releaser.
    """
    with records.read() as session:
        key = require_role(session, by, "releaser")
    found = []
    for name in sessions:
        try:
            with records.begin() as session:
                found.append(_release(session, name, key))
        except InvalidInputError as error:
            found.append(Released(name, "refused", why=str(error)))
    return found


def award_of(records: Records, name: str) -> dict[str, Any]:
    """Return the award of a session that passed and was released.

    Raises
    ------
    InvalidInputError
        When there is no such session, it did not pass, is not released, or the candidate's name was
        erased.
    """
    with records.read() as session:
        sitting, decision, released = _standing(session, name)
        if released is None:
            raise InvalidInputError(
                f"session {name} is not released: labkit exam release approve {name} --by NAME"
            )
        if not decision.passed:
            raise InvalidInputError(f"session {name} did not pass: there is no award")
        exam = session.get_one(models.Exam, (sitting.exam, sitting.blueprint))
        candidate = session.get_one(models.Candidate, sitting.candidate)
        if not candidate.name:
            raise InvalidInputError(f"the name of {candidate.identifier} was erased: there is no award")
        number = session.scalars(
            select(models.CredentialNumber).where(models.CredentialNumber.session == name)
        ).one()
        row = session.get_one(models.ScoreSheet, decision.sheet)
        sheet = sheet_of(json.loads(row.content))
        return {
            **_about(sheet, exam.title, exam.valid_months, json.loads(exam.standards)),
            "candidate": {"name": candidate.name, "identifier": candidate.identifier},
            "number": number.number,
            "released_at": released.released_at,
            "released_by": [
                _name(session, decision.decided_by, ("grader", "appeals")),
                _name(session, released.released_by, ("releaser",)),
            ],
            "sheet_sha256": row.sha256,
            "form_commitment": sitting.form_commitment,
        }


def practice_award(sheet: Sheet, blueprint: Blueprint, *, name: str, identifier: str = "") -> dict[str, Any]:
    """Return the award of a practice exam, which nobody but the candidate was there for.

    It says so: its mode is ``practice``, and nobody released it.

    Parameters
    ----------
    sheet : Sheet
    blueprint : Blueprint
    name, identifier : str
        Of the candidate, as they say; the identifier of the sheet by default.

    Raises
    ------
    InvalidInputError
        When the sheet is of another mode, was not verified, or did not pass.
    """
    if sheet.mode != "practice":
        raise InvalidInputError(
            f"expected a sheet of a practice exam, got mode {sheet.mode!r}: a second person releases it"
        )
    if not (sheet.is_verified and sheet.is_passed):
        raise InvalidInputError("expected a practice exam that was passed: there is no award")
    return {
        **_about(sheet, blueprint.title, blueprint.valid_months, alignments_of(blueprint)),
        "candidate": {"name": name, "identifier": identifier or sheet.candidate},
        "number": f"PRACTICE-{sheet.digest[:12].upper()}",
        "released_at": max(now(), sheet.graded_at),
        "released_by": [],
        "sheet_sha256": sheet.digest,
        "form_commitment": f"sheet-sha256:{sheet.digest}",
    }


def _release(session: Session, name: str, by: str) -> Released:
    sitting, decision, released = _standing(session, name)
    known = session.scalars(
        select(models.CredentialNumber.number).where(models.CredentialNumber.session == name)
    ).first()
    if released is not None:
        return Released(name, "known", decision.passed, known if decision.passed else None)
    if sitting.mode == "rehearsal":
        raise InvalidInputError("a rehearsal has no result to release")
    _may_release(session, sitting, decision, by)
    session.add(models.Release(decision=decision.id, released_by=by, released_at=now()))
    number = known
    if decision.passed and known is None:
        number = _number(sitting.exam)
        session.add(models.CredentialNumber(number=number, session=name, given_at=now()))
    session.flush()
    payload = {"decision": decision.id, "passed": decision.passed}
    note(session, "released", name, by, payload | ({"number": number} if number else {}))
    if not decision.passed and known is not None:
        note(session, "award withdrawn", name, by, {"number": known})
    return Released(name, "released", decision.passed, number if decision.passed else None)


def _may_release(session: Session, sitting: models.Session, decision: models.Decision, by: str) -> None:
    sheet = session.get_one(models.ScoreSheet, decision.sheet)
    parts = {
        sitting.candidate_key: "is the candidate",
        sheet.graded_by: "graded it",
        decision.decided_by: "decided it",
    }
    if by in parts:
        raise InvalidInputError(f"expected a second person: {by} {parts[by]}")
    for appeal in session.scalars(select(models.Appeal).where(models.Appeal.session == sitting.id)):
        if not _is_closed(session, appeal.id):
            raise InvalidInputError(
                f"appeal {appeal.id} is open: answer it first (labkit exam release answer {appeal.id})"
            )


def _is_closed(session: Session, appeal: int) -> bool:
    last = session.scalars(
        select(models.AppealStep.state)
        .where(models.AppealStep.appeal == appeal)
        .order_by(models.AppealStep.id.desc())
        .limit(1)
    ).first()
    return last in ("upheld", "rejected", "withdrawn")


def _standing(session: Session, name: str) -> tuple[models.Session, models.Decision, models.Release | None]:
    sitting = session.get(models.Session, name)
    decision = latest_decision(session, name)
    if sitting is None or decision is None:
        raise InvalidInputError(
            f"expected a session in the gradebook, got {name!r}: labkit exam release list"
        )
    released = session.scalars(select(models.Release).where(models.Release.decision == decision.id)).first()
    return sitting, decision, released


def _name(session: Session, key: str, roles: tuple[str, ...]) -> str:
    found = [session.get(models.Officer, (key, role)) for role in roles]
    return next((each.name for each in found if each is not None), key)


def _number(exam: str) -> str:
    """Return a number that nobody can guess from another one."""
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"{exam.upper()}-{now()[:4]}-{drawn[:5]}-{drawn[5:]}"


def _about(
    sheet: Sheet, title: str, months: int, alignments: Mapping[str, Iterable[Mapping[str, str]]]
) -> dict[str, Any]:
    return {
        "version": 1,
        "exam": sheet.exam,
        "exam_title": title,
        "blueprint": sheet.blueprint,
        "mode": sheet.mode,
        "passed": True,
        "share": sheet.share,
        "domains": {name: share for name, share in sheet.domain_shares().items() if share is not None},
        "graded_at": sheet.graded_at,
        "valid_months": months,
        "standards": aligned(alignments, sheet.content["domains"]),
    }
