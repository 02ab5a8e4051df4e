"""Who entered: a random id each, the name they gave, and a code to come back with.

Two people with one name are two people.  What is kept are events in the class's log, as
everything else; of the return code only a keyed digest.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.course import ProgressLog

__all__ = ["CODE_LETTERS", "LONGEST_NAME", "People", "Person", "clean_name"]

LONGEST_NAME = 40
ENTERED = "entered"
# Without letters and digits that are taken for one another when read aloud or off a projector.
CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_CODE_LENGTH = 9  # 30 ** 9 codes are 44 bits; wrong ones are slowed down


@dataclass(frozen=True, slots=True)
class Person:
    """One participant: ``id`` stands in every event of theirs, ``since`` is in seconds since the epoch."""

    id: str
    name: str
    since: float


class People:
    """Everybody who ever entered this class.

    Parameters
    ----------
    log : ProgressLog
        The log of the class.
    secret : bytes
        What the digests of return codes are keyed with.
    """

    def __init__(self, log: ProgressLog, secret: bytes) -> None:
        self._log, self._secret = log, secret
        self._people: dict[str, Person] = {}
        self._codes: dict[str, str] = {}
        for event in log.events(kind=ENTERED):
            self._keep(Person(event.learner, str(event.payload["name"]), event.time), event.payload["code"])

    def __len__(self) -> int:
        return len(self._people)

    def everybody(self) -> list[Person]:
        """Return all participants, in the order in which they came."""
        return list(self._people.values())

    def find(self, participant: str) -> Person | None:
        """Return the participant with this id."""
        return self._people.get(participant)

    def enter(self, name: str) -> tuple[Person, str]:
        """Add somebody and return them with their return code, which is shown once and kept nowhere."""
        person = Person(f"p-{secrets.token_hex(8)}", clean_name(name), time.time())
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(_CODE_LENGTH))
        digest = self._digest(code)
        self._log.append(person.id, "", ENTERED, {"name": person.name, "code": digest})
        self._keep(person, digest)
        return person, "-".join(code[place : place + 3] for place in range(0, _CODE_LENGTH, 3))

    def come_back(self, code: str) -> Person | None:
        """Return whose code this is; spaces, hyphens and small letters are forgiven."""
        plain = re.sub(r"[\s-]", "", code).upper()
        return self._people.get(self._codes.get(self._digest(plain), ""))

    def _keep(self, person: Person, digest: str) -> None:
        self._people[person.id] = person
        self._codes[digest] = person.id

    def _digest(self, code: str) -> str:
        return hmac.new(self._secret, code.encode(), hashlib.sha256).hexdigest()


def clean_name(name: str) -> str:
    """Return a name as it is shown.

    Raises
    ------
    InvalidInputError
        When nothing is left of it, or it is too long.
    """
    # Line breaks, and the characters that turn text around, have no business in a name.
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not plain:
        raise InvalidInputError("expected a name, got nothing: a first name or a nickname will do")
    if len(plain) > LONGEST_NAME:
        raise InvalidInputError(
            f"expected a name of up to {LONGEST_NAME} characters, got {len(plain)}: shorten it"
        )
    return plain
