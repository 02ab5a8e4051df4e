"""What the gradebook says of everybody, as rows: for the screen, and as CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from labkit.core.tables import for_spreadsheet
from labkit.exams.records import models
from labkit.exams.records.adding import latest_decision
from labkit.exams.records.database import Records
from labkit.exams.records.sheets import sheet_of

__all__ = ["Result", "as_csv", "results"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one sitting; ``state`` is ``waiting`` for a second person, or ``released``."""

    session: str
    candidate: str
    name: str
    exam: str
    blueprint: str
    mode: str
    state: str
    passed: bool
    share: float
    practical: float | None
    knowledge: float | None
    domains: dict[str, float | None] = field(hash=False)
    verified: bool
    graded_at: str
    decided_by: str
    released_by: str | None
    released_at: str | None
    number: str | None


def results(records: Records, *, state: str | None = None) -> list[Result]:
    """Return the standing result of every sitting, in the order of session names.

    Parameters
    ----------
    records : Records
    state : str, optional
        Only those ``waiting`` or ``released``.
    """
    with records.read() as session:
        found = [
            _result(session, each)
            for each in session.scalars(select(models.Session).order_by(models.Session.id))
        ]
    return [each for each in found if each is not None and state in (None, each.state)]


def as_csv(found: list[Result]) -> str:
    """Return results as CSV, one row a sitting; no cell of it is run by a spreadsheet."""
    domains = sorted({name for each in found for name in each.domains})
    names = [name for name in Result.__dataclass_fields__ if name != "domains"]
    text = io.StringIO()
    # Quoted, because another country's spreadsheet ends a cell at a semicolon.
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([*names, *domains])
    for each in found:
        values = [getattr(each, name) for name in names] + [each.domains.get(name) for name in domains]
        writer.writerow([_cell(value) for value in values])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return for_spreadsheet(str(value))


def _result(session: Session, sitting: models.Session) -> Result | None:
    decision = latest_decision(session, sitting.id)
    if decision is None:
        return None
    sheet = sheet_of(json.loads(session.get_one(models.ScoreSheet, decision.sheet).content))
    candidate = session.get_one(models.Candidate, sitting.candidate)
    released = session.scalars(select(models.Release).where(models.Release.decision == decision.id)).first()
    number = session.scalars(
        select(models.CredentialNumber.number).where(models.CredentialNumber.session == sitting.id)
    ).first()
    return Result(
        session=sitting.id,
        candidate=sitting.candidate,
        name=candidate.name,
        exam=sitting.exam,
        blueprint=sitting.blueprint,
        mode=sitting.mode,
        state="waiting" if released is None else "released",
        passed=decision.passed,
        share=sheet.share,
        practical=_share(sheet.content["practical"]),
        knowledge=_share(sheet.content["knowledge"]),
        domains=sheet.domain_shares(),
        verified=sheet.is_verified,
        graded_at=sheet.graded_at,
        decided_by=decision.decided_by,
        released_by=None if released is None else released.released_by,
        released_at=None if released is None else released.released_at,
        number=number if decision.passed else None,
    )


def _share(part: dict[str, float]) -> float | None:
    return part["earned"] / part["points"] if part["points"] else None
