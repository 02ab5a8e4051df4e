"""Enter score sheets: each envelope once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from labkit.core.errors import InvalidInputError
from labkit.evidence.entry import canonical, digest_of
from labkit.exams.aligning import alignments_of
from labkit.exams.blueprint import Blueprint
from labkit.exams.records import models
from labkit.exams.records.database import Records, now
from labkit.exams.records.events import note
from labkit.exams.records.people import key_of, put_candidate, require_role
from labkit.exams.records.sheets import Sheet

__all__ = ["Added", "add_sheets", "latest_decision", "store_sheet"]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one sheet: ``added``, ``known`` (nothing was changed) or ``refused``, and why."""

    session: str
    outcome: str
    why: str = ""


def add_sheets(
    records: Records,
    sheets: Iterable[Sheet],
    blueprint: Blueprint,
    *,
    by: str,
    commitments: Mapping[str, str] | None = None,
) -> list[Added]:
    """Enter sheets, with the decision that each of them says; who enters them has decided.

    The same sheet of the same envelope changes nothing.  One that cannot be entered is refused, and
    the others are entered.

    Parameters
    ----------
    records : Records
    sheets : iterable of Sheet
    blueprint : Blueprint
        Of the exam: its title, how long a credential is valid, and what it is aligned with.
    by : str
        An officer with the role ``grader``.
    commitments : mapping of envelope digest to str, optional
        SHA-256 of the form in each envelope, where it is at hand.

    Raises
    ------
    InvalidInputError
        When ``by`` is no grader.
    StorageError
        When the gradebook cannot be written.
    """
    with records.read() as session:
        key = require_role(session, by, "grader")
    found = []
    for sheet in sheets:
        name = str(sheet.content["session"])
        try:
            with records.begin() as session:
                outcome = _add(session, sheet, blueprint, key, (commitments or {}))
            found.append(Added(name, outcome))
        except InvalidInputError as error:
            found.append(Added(name, "refused", str(error)))
    return found


def latest_decision(session: Session, name: str) -> models.Decision | None:
    """Return the decision that stands for a session."""
    return session.scalars(
        select(models.Decision)
        .where(models.Decision.session == name)
        .order_by(models.Decision.id.desc())
        .limit(1)
    ).first()


def _add(
    session: Session,
    sheet: Sheet,
    blueprint: Blueprint,
    by: str,
    commitments: Mapping[str, str],
) -> str:
    envelope = sheet.envelope_sha256
    if session.get(models.Submission, envelope) is not None:
        return _known(session, sheet)
    if (sheet.exam, sheet.blueprint) != (blueprint.id, blueprint.version):
        raise InvalidInputError(
            f"expected a sheet of {blueprint.id} {blueprint.version}, got {sheet.exam} {sheet.blueprint}: "
            "name its blueprint with --blueprint"
        )
    if sheet.outstanding:
        raise InvalidInputError(
            f"answer cells have to be run again first ({sheet.outstanding}): grade again where the sandbox "
            "is, or leave it out with labkit exam grade --no-reproduce"
        )
    if key_of(sheet.candidate) == by:
        raise InvalidInputError(f"expected another grader: {by} is the candidate")
    _put_session(session, sheet, blueprint, commitments)
    standing = latest_decision(session, sheet.session)
    if standing is not None:
        _may_replace(session, standing, sheet)
    session.add(
        models.Submission(
            envelope_sha256=envelope, session=sheet.session, is_verified=sheet.is_verified, added_at=now()
        )
    )
    session.flush()
    store_sheet(session, sheet, by)
    _decide(session, sheet, by)
    return "added"


def store_sheet(session: Session, sheet: Sheet, by: str) -> None:
    """Keep a sheet, in full, with an event."""
    session.add(
        models.ScoreSheet(
            sha256=sheet.digest,
            essence=sheet.essence,
            envelope_sha256=sheet.envelope_sha256,
            content=canonical(sheet.content).decode(),
            grader=sheet.grader,
            graded_at=sheet.graded_at,
            graded_by=by,
            share=sheet.share,
            added_at=now(),
        )
    )
    session.flush()
    note(session, "graded", sheet.session, by, {"sheet": sheet.digest, "share": sheet.share})


def _known(session: Session, sheet: Sheet) -> str:
    same = session.scalars(
        select(models.ScoreSheet).where(
            models.ScoreSheet.envelope_sha256 == sheet.envelope_sha256,
            models.ScoreSheet.essence == sheet.essence,
        )
    ).first()
    if same is None:
        raise InvalidInputError(
            f"envelope {sheet.envelope_sha256[:12]} is in the gradebook with another result: a regrade "
            "needs an appeal (labkit exam release appeal)"
        )
    return "known"


def _put_session(
    session: Session,
    sheet: Sheet,
    blueprint: Blueprint,
    commitments: Mapping[str, str],
) -> None:
    if session.get(models.Exam, (blueprint.id, blueprint.version)) is None:
        session.add(
            models.Exam(
                id=blueprint.id,
                blueprint=blueprint.version,
                title=blueprint.title,
                valid_months=blueprint.valid_months,
                standards=canonical(alignments_of(blueprint)).decode(),
            )
        )
    put_candidate(session, sheet.candidate, sheet.candidate_name)
    known = session.get(models.Session, sheet.session)
    if known is None:
        form = commitments.get(sheet.envelope_sha256)
        session.add(
            models.Session(
                id=sheet.session,
                candidate=sheet.candidate,
                candidate_key=key_of(sheet.candidate),
                exam=sheet.exam,
                blueprint=sheet.blueprint,
                mode=sheet.mode,
                form_commitment=f"form-sha256:{form}" if form else f"issued-sha256:{_issued(sheet)}",
                added_at=now(),
            )
        )
    elif (known.candidate, known.exam, known.mode) != (sheet.candidate, sheet.exam, sheet.mode):
        raise InvalidInputError(
            f"session {sheet.session} belongs to {known.candidate} ({known.exam}, {known.mode}), and the "
            f"sheet says {sheet.candidate} ({sheet.exam}, {sheet.mode})"
        )
    session.flush()


def _issued(sheet: Sheet) -> str:
    """Return a digest of what was asked: it binds a credential to the form, where the form is not at hand."""
    asked = [[task["slot"], task.get("variant")] for task in sheet.content["tasks"]]
    asked += [[item["id"], item.get("revision"), item.get("variant")] for item in sheet.content["items"]]
    return digest_of(canonical({"session": sheet.session, "asked": asked}))


def _may_replace(session: Session, standing: models.Decision, sheet: Sheet) -> None:
    """Refuse a second submission, unless nothing that counts came before it."""
    released = session.scalars(select(models.Release).where(models.Release.decision == standing.id)).first()
    first = session.scalars(
        select(models.Submission).where(
            models.Submission.session == sheet.session, models.Submission.is_verified
        )
    ).first()
    if released is not None or first is not None or not sheet.is_verified:
        raise InvalidInputError(
            f"session {sheet.session} has a result already, from another envelope; the first that was "
            "verified counts, and what is released is changed by an appeal alone"
        )


def _decide(session: Session, sheet: Sheet, by: str) -> None:
    # What was not verified is nobody's result, whatever its points.
    passed = sheet.is_passed and sheet.is_verified
    session.add(
        models.Decision(
            session=sheet.session, sheet=sheet.digest, passed=passed, decided_by=by, decided_at=now()
        )
    )
    session.flush()
    note(session, "decided", sheet.session, by, {"sheet": sheet.digest, "passed": passed})
