"""A candidate, and the session that an examiner registers for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.core.errors import IntegrityError, InvalidInputError
from labkit.exams.form import Form

__all__ = ["STATES", "Candidate", "Session"]

_LONGEST_NAME = 200

STATES = ("open", "handed_in", "graded", "released")
"""What can become of a session, in this order."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who sits: a name, an identifier that the examiner knows, and time added for this person."""

    name: str
    identifier: str = ""
    extra_minutes: int = 0

    def checked_name(self) -> str:
        """Return the name in one line.

        Raises
        ------
        InvalidInputError
            When the name says nothing or cannot be printed, or the minutes are no extra time.
        """
        name = " ".join(self.name.split())
        if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
            raise InvalidInputError(
                f"expected a name of 1 to {_LONGEST_NAME} letters that can be printed; "
                f"got {len(name)}: {name!r:.60}"
            )
        if not 0 <= self.extra_minutes <= 24 * 60:
            raise InvalidInputError(f"expected extra minutes from 0 to 1440, got {self.extra_minutes}")
        return name


@dataclass(frozen=True, slots=True)
class Session:
    """What was issued to one candidate, and what became of it.

    Attributes
    ----------
    form : Form
    signature : mapping
    variants : mapping of str to str
        Slot to the id of its variant.  Stays with the examiner.
    state : str
        One of :data:`STATES`.
    more : mapping
        What later steps keep: identifier, digest and time of the submission, digest of the sheet.
    """

    form: Form
    signature: Mapping[str, Any] = field(hash=False)
    variants: Mapping[str, str] = field(hash=False)
    state: str = "open"
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def as_json(self) -> dict[str, Any]:
        """Return the session as plain JSON."""
        return {
            "version": 1,
            "form": self.form.as_json(),
            "signature": dict(self.signature),
            "variants": dict(self.variants),
            "state": self.state,
            "more": dict(self.more),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Session:
        """Return the session that :meth:`as_json` described.

        Raises
        ------
        IntegrityError
            When it is none.
        """
        try:
            form = Form.from_json(raw["form"])
            return cls(form, raw["signature"], raw["variants"], raw["state"], raw["more"])
        except (KeyError, TypeError) as error:
            raise IntegrityError(f"no session of an examiner: {error!r:.120}") from None
