"""The tables of the gradebook.

Rows of :data:`SEALED` are written once: the database itself refuses to change or delete them
(see the first migration).  What happens later is a new row.  Only people are kept in tables that
can change, so that a name can be erased.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "SEALED",
    "Appeal",
    "AppealStep",
    "Base",
    "Candidate",
    "CredentialNumber",
    "Decision",
    "Event",
    "Exam",
    "Officer",
    "Release",
    "ScoreSheet",
    "Session",
    "Submission",
]

_DIGEST = String(64)
_NAME = String(200)
_TIME = String(40)


class Base(DeclarativeBase):
    """Base of every table; times are UTC in ISO 8601, JSON is text."""


class Officer(Base):
    """Somebody who may act, in one role."""

    __tablename__ = "officer"
    identifier: Mapped[str] = mapped_column(_NAME, primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(_NAME)
    since: Mapped[str] = mapped_column(_TIME)


class Candidate(Base):
    """Somebody who sat an exam; the name can be erased, the identifier stays."""

    __tablename__ = "candidate"
    identifier: Mapped[str] = mapped_column(_NAME, primary_key=True)
    name: Mapped[str] = mapped_column(_NAME)
    added_at: Mapped[str] = mapped_column(_TIME)
    erased_at: Mapped[str | None] = mapped_column(_TIME)


class Exam(Base):
    """One version of an exam's blueprint, as far as results need it."""

    __tablename__ = "exam"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    blueprint: Mapped[str] = mapped_column(String(40), primary_key=True)
    title: Mapped[str] = mapped_column(_NAME)
    valid_months: Mapped[int] = mapped_column(Integer)
    standards: Mapped[str] = mapped_column(Text)


class Session(Base):
    """One sitting of one candidate; ``candidate_key`` is how an officer of that name would be written."""

    __tablename__ = "session"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    candidate: Mapped[str] = mapped_column(ForeignKey("candidate.identifier"))
    candidate_key: Mapped[str] = mapped_column(_NAME)
    exam: Mapped[str] = mapped_column(String(100))
    blueprint: Mapped[str] = mapped_column(String(40))
    mode: Mapped[str] = mapped_column(String(20))
    form_commitment: Mapped[str] = mapped_column(String(100))
    added_at: Mapped[str] = mapped_column(_TIME)
    __table_args__ = (ForeignKeyConstraint(["exam", "blueprint"], ["exam.id", "exam.blueprint"]),)


class Submission(Base):
    """One envelope that was handed in."""

    __tablename__ = "submission"
    envelope_sha256: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("session.id"), index=True)
    is_verified: Mapped[bool] = mapped_column(Boolean)
    added_at: Mapped[str] = mapped_column(_TIME)


class ScoreSheet(Base):
    """What grading an envelope gave, in full."""

    __tablename__ = "score_sheet"
    sha256: Mapped[str] = mapped_column(_DIGEST, primary_key=True)
    essence: Mapped[str] = mapped_column(_DIGEST)
    envelope_sha256: Mapped[str] = mapped_column(ForeignKey("submission.envelope_sha256"), index=True)
    content: Mapped[str] = mapped_column(Text)
    grader: Mapped[str] = mapped_column(String(100))
    graded_at: Mapped[str] = mapped_column(_TIME)
    graded_by: Mapped[str] = mapped_column(_NAME)
    share: Mapped[float] = mapped_column(Float)
    added_at: Mapped[str] = mapped_column(_TIME)


class Decision(Base):
    """Passed or not, by whom; the latest of a session stands."""

    __tablename__ = "decision"
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("session.id"), index=True)
    sheet: Mapped[str] = mapped_column(ForeignKey("score_sheet.sha256"))
    passed: Mapped[bool] = mapped_column(Boolean)
    decided_by: Mapped[str] = mapped_column(_NAME)
    decided_at: Mapped[str] = mapped_column(_TIME)
    appeal: Mapped[int | None] = mapped_column(ForeignKey("appeal.id"), unique=True)


class Release(Base):
    """A decision that a second person let go out."""

    __tablename__ = "release"
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    decision: Mapped[int] = mapped_column(ForeignKey("decision.id"), unique=True)
    released_by: Mapped[str] = mapped_column(_NAME)
    released_at: Mapped[str] = mapped_column(_TIME)


class CredentialNumber(Base):
    """The number on a credential: one for each session that passed."""

    __tablename__ = "credential_number"
    number: Mapped[str] = mapped_column(String(40), primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("session.id"), unique=True)
    given_at: Mapped[str] = mapped_column(_TIME)


class Appeal(Base):
    """An objection to a released decision, with the digest of what was frozen for it."""

    __tablename__ = "appeal"
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("session.id"), index=True)
    sheet: Mapped[str] = mapped_column(ForeignKey("score_sheet.sha256"))
    reason: Mapped[str] = mapped_column(Text)
    pack_sha256: Mapped[str] = mapped_column(_DIGEST)
    opened_at: Mapped[str] = mapped_column(_TIME)


class AppealStep(Base):
    """What happened to an appeal; the latest step is its state."""

    __tablename__ = "appeal_step"
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    appeal: Mapped[int] = mapped_column(ForeignKey("appeal.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column(_NAME)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[str] = mapped_column(_TIME)


class Event(Base):
    """One link of the chain of everything that happened."""

    __tablename__ = "event"
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(_TIME)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(_NAME)
    actor: Mapped[str] = mapped_column(_NAME)
    payload: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(_DIGEST)
    digest: Mapped[str] = mapped_column(_DIGEST)
    __table_args__ = (UniqueConstraint("previous"),)


SEALED = tuple(
    model.__tablename__
    for model in (
        Exam,
        Session,
        Submission,
        ScoreSheet,
        Decision,
        Release,
        CredentialNumber,
        Appeal,
        AppealStep,
        Event,
    )
)
"""Tables whose rows are never changed and never deleted."""
