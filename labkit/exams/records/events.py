"""The chain of everything that happened: each event names the digest of the one before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from labkit.evidence.entry import canonical, digest_of
from labkit.exams.records import models
from labkit.exams.records.database import Records, now

__all__ = ["ChainState", "check_chain", "events_of", "note"]

_START = "0" * 64


@dataclass(frozen=True, slots=True)
class ChainState:
    """How long the chain is, its last digest, and the first event that does not fit; None when all do.

    Whoever owns the database can make a new chain.  So keep ``head`` where that person cannot
    reach: a chain that holds it at ``length`` is the one from then.
    """

    length: int
    head: str
    broken_at: int | None


def note(session: Session, kind: str, subject: str, actor: str, payload: Mapping[str, Any]) -> None:
    """Append an event, inside the transaction of what it tells of."""
    last = session.scalars(select(models.Event).order_by(models.Event.n.desc()).limit(1)).first()
    fields = {
        "n": 1 if last is None else last.n + 1,
        "at": now(),
        "kind": kind,
        "subject": subject,
        "actor": actor,
        "payload": canonical(payload).decode(),
        "previous": _START if last is None else last.digest,
    }
    session.add(models.Event(**fields, digest=digest_of(canonical(fields))))
    session.flush()


def check_chain(records: Records, *, length: int | None = None, head: str | None = None) -> ChainState:
    """Compute the chain again.

    Parameters
    ----------
    records : Records
    length, head : int and str, optional
        What was kept elsewhere: the digest ``head`` of event number ``length``.
    """
    previous, count, broken = _START, 0, None
    with records.read() as session:
        for event in session.scalars(select(models.Event).order_by(models.Event.n)):
            count += 1
            fields = {
                name: getattr(event, name) for name in ("n", "at", "kind", "subject", "actor", "payload")
            }
            fields["previous"] = previous
            fits = event.n == count and event.previous == previous
            fits &= event.digest == digest_of(canonical(fields))
            fits &= not (length == count and head is not None and head != event.digest)
            if not fits and broken is None:
                broken = count
            previous = event.digest
    if length is not None and length > count and broken is None:
        broken = count + 1
    return ChainState(count, previous, broken)


def events_of(session: Session, subject: str) -> list[dict[str, Any]]:
    """Return what happened to a sitting, in order."""
    rows = session.scalars(
        select(models.Event).where(models.Event.subject == subject).order_by(models.Event.n)
    )
    return [
        {
            "n": row.n,
            "at": row.at,
            "kind": row.kind,
            "actor": row.actor,
            "payload": json.loads(row.payload),
            "digest": row.digest,
        }
        for row in rows
    ]
