"""Who is who: candidates, and officers with their roles."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from labkit.core.csv_rows import read_rows
from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError
from labkit.exams.records import models
from labkit.exams.records.database import Records, now
from labkit.exams.records.events import note

__all__ = ["ROLES", "add_candidates", "add_officer", "erase_candidate", "key_of", "officers", "require_role"]

ROLES = {
    "grader": "enters score sheets, and so decides",
    "releaser": "releases what somebody else graded",
    "appeals": "answers appeals against what others decided",
}
"""What an officer may do.  One person may hold several roles, and never two on one result."""


def key_of(name: str) -> str:
    """Return how a person is written, so that two ways to write one name are one person.

    Raises
    ------
    InvalidInputError
        When it says nothing, or is longer than 200 characters.
    """
    key = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not key or len(key) > 200 or not key.isprintable():
        raise InvalidInputError(f"expected who it is, in up to 200 characters; got {name!r}")
    return key


def add_officer(records: Records, identifier: str, role: str, *, name: str = "", by: str = "") -> bool:
    """Give somebody a role; False when they have it already.

    Raises
    ------
    UnknownNameError
        When there is no such role.
    """
    if role not in ROLES:
        raise UnknownNameError("role", role, ROLES)
    key = key_of(identifier)
    with records.begin() as session:
        if session.get(models.Officer, (key, role)) is not None:
            return False
        session.add(models.Officer(identifier=key, role=role, name=name or identifier, since=now()))
        note(session, "officer", key, by or "owner", {"role": role})
    return True


def officers(records: Records) -> list[tuple[str, str, str]]:
    """Return identifier, name and role of everybody who may act."""
    with records.read() as session:
        rows = session.scalars(
            select(models.Officer).order_by(models.Officer.identifier, models.Officer.role)
        )
        return [(row.identifier, row.name, row.role) for row in rows]


def require_role(session: Session, who: str, role: str) -> str:
    """Return how the officer ``who`` is written.

    Raises
    ------
    InvalidInputError
        When nobody of that name has the role: says who has.
    """
    key = key_of(who)
    if session.get(models.Officer, (key, role)) is not None:
        return key
    known = session.scalars(
        select(models.Officer.identifier)
        .where(models.Officer.role == role)
        .order_by(models.Officer.identifier)
    ).all()
    raise InvalidInputError(
        f"expected somebody with the role {role}, got {who!r}; who has it: {', '.join(known) or 'nobody'}. "
        f"Appoint with: labkit exam release people --add NAME --role {role}"
    )


def add_candidates(records: Records, path: Path, *, by: str = "") -> int:
    """Enter names from a CSV file with the columns identifier and name; return how many were new or changed.

    What it says replaces the name that a sheet gave; a name that was erased stays erased.

    Raises
    ------
    DataFormatError
        With file and line, when the file is no such table.
    """
    rows, changed = _read(path), 0
    with records.begin() as session:
        for identifier, name in rows:
            known = session.get(models.Candidate, identifier)
            if known is None:
                put_candidate(session, identifier, name)
            elif known.erased_at is None and known.name != name:
                known.name = name
            else:
                continue
            changed += 1
            # Not the name itself: it could not be erased here.
            note(session, "named", identifier, by or "owner", {})
    return changed


def put_candidate(session: Session, identifier: str, name: str) -> None:
    """Add a candidate who is not known yet."""
    if session.get(models.Candidate, identifier) is None:
        session.add(models.Candidate(identifier=identifier, name=name, added_at=now()))
        session.flush()


def erase_candidate(records: Records, identifier: str, *, by: str) -> None:
    """Erase the name of a candidate; results and identifier stay, as does that it was erased.

    Raises
    ------
    InvalidInputError
        When there is no such candidate.
    """
    with records.begin() as session:
        known = session.get(models.Candidate, identifier)
        if known is None:
            raise InvalidInputError(f"expected a candidate in the gradebook, got {identifier!r}")
        known.name, known.erased_at = "", now()
        note(session, "erased", identifier, key_of(by), {})


def _read(path: Path) -> Sequence[tuple[str, str]]:
    rows = read_rows(path)
    columns = rows[0][1] if rows else []
    if columns != ["identifier", "name"]:
        raise DataFormatError(f"{path}:1: expected the columns identifier,name; got {','.join(columns)!r}")
    found = []
    for line, row in rows[1:]:
        if len(row) != 2 or not all(row) or max(map(len, row)) > 200:
            raise DataFormatError(f"{path}:{line}: expected an identifier and a name, got {','.join(row)!r}")
        found.append((row[0], row[1]))
    return found
