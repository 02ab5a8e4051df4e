"""What a grader has to know of a sitting, in plain JSON, and nothing that it does not need.

It holds no key but the examiner's public one, so a process that opens submissions has nothing to
lose to them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir

if TYPE_CHECKING:
    from labkit.exams.examiner import Examiner, Session

__all__ = ["IssuedTask", "SessionFacts", "find_session", "session_facts", "write_session"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class IssuedTask:
    """The variant that was issued for a slot, and what the bots reached on it.

    Attributes
    ----------
    slot : str
    variant : mapping
        ``id``, ``seed`` and ``params``.
    reference : mapping of str to mapping
        Bot to metric to value.
    """

    slot: str
    variant: Mapping[str, Any]
    reference: Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A sitting as its examiner knows it.

    Attributes
    ----------
    session : str
    form : mapping
        The form that was issued.
    public_key : str
        Key that its signature has to verify with, in hexadecimal.
    owner : str
        Identifier of the candidate; empty where the examiner knows none.
    tasks : tuple of IssuedTask
    """

    session: str
    form: Mapping[str, Any]
    public_key: str
    owner: str = ""
    tasks: tuple[IssuedTask, ...] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        # Not asdict: that copies every entry of the form, and nobody writes into what is returned.
        return {**_fields(self), "tasks": [_fields(task) for task in self.tasks]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> SessionFacts:
        """Return what :meth:`as_json` described.

        Raises
        ------
        InvalidInputError
            When it is no such description.
        """
        try:
            tasks = tuple(IssuedTask(**task) for task in raw["tasks"])
            return cls(**{**raw, "tasks": tasks})
        except (TypeError, KeyError) as error:
            raise InvalidInputError(f"no facts of a sitting: {error}") from None


def session_facts(examiner: Examiner, session: Session) -> SessionFacts:
    """Return what a grader has to know of a session of this examiner."""
    tasks = []
    for slot in session.form.slots:
        variant, reference = examiner.variant(session, slot), examiner.reference(session, slot)
        tasks.append(
            IssuedTask(
                slot,
                {"id": variant.id, "seed": variant.seed, "params": dict(variant.params)},
                {
                    bot: {name: value if math.isfinite(value) else None for name, value in metrics.items()}
                    for bot, metrics in reference.items()
                },
            )
        )
    return SessionFacts(
        session=session.form.session,
        form=session.form.as_json(),
        public_key=examiner.keys.public.hex(),
        owner=str(session.more.get("identifier", "")),
        tasks=tuple(tasks),
    )


def write_session(folder: Path, facts: SessionFacts) -> Path:
    """Write the facts of a sitting into ``folder`` and return the file."""
    ensure_dir(folder)
    path = folder / f"{_checked(facts.session)}.json"
    write_whole(path, json.dumps(facts.as_json(), ensure_ascii=False, sort_keys=True).encode())
    return path


def find_session(folder: Path, session: Any) -> SessionFacts:
    """Return the facts of a sitting that a submission names.

    Raises
    ------
    DataFormatError
        When no sitting has that name.
    """
    if not isinstance(session, str) or not _NAME.fullmatch(session):
        raise DataFormatError("the manifest names no session")
    path = folder / f"{session}.json"
    if not path.is_file():
        raise DataFormatError(
            f"there is no session {session!r} with this examiner: name the one who opened it with --examiner"
        )
    return SessionFacts.from_json(json.loads(path.read_text(encoding="utf-8")))


def _fields(instance: Any) -> dict[str, Any]:
    return {each.name: getattr(instance, each.name) for each in fields(instance)}


def _checked(session: str) -> str:
    if not _NAME.fullmatch(session):
        raise InvalidInputError(f"expected the name of a session, got {session!r:.90}")
    return session
