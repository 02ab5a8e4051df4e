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
from collections.abc import Container
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.course import ProgressLog

__all__ = ["CODE_LETTERS", "LONGEST_NAME", "People", "Person", "clean_name"]

LONGEST_NAME = 40
ENTERED, REMOVED = "entered", "removed"
_NUMBERS = 99  # to choose from, while fewer than a third are taken
# Without letters and digits that are taken for one another when read aloud or off a projector.
CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_CODE_LENGTH = 9  # 30 ** 9 codes are 44 bits; wrong ones are slowed down


@dataclass(frozen=True, slots=True)
class Person:
    """One participant.

    Attributes
    ----------
    id : str
        Stands in every event of theirs.
    name : str
    since : float
        When they entered, in seconds since the epoch.
    number : int
        What stands for the name where names are hidden: drawn once, and theirs for good.
    """

    id: str
    name: str
    since: float
    number: int


class People:
    """Everybody who ever entered this class.

    Parameters
    ----------
    log : ProgressLog
        The log of the class.
    secret : bytes
        What the digests of return codes are keyed with.
    most : int
        How many there may be.
    """

    def __init__(self, log: ProgressLog, secret: bytes, *, most: int = 1000) -> None:
        self._log, self._secret, self._most = log, secret, most
        self._people: dict[str, Person] = {}
        self._codes: dict[str, str] = {}
        entered = log.events(kind=ENTERED)
        numbers = {event.payload.get("number") for event in entered}
        for event in entered:
            about = event.payload
            # A class of an older version has drawn none: the same ones come out at every start.
            number = about.get("number") or _free(numbers, len(entered), self._digest(event.learner))
            numbers.add(number)
            self._keep(Person(event.learner, str(about["name"]), event.time, number), about["code"])
        for event in log.events(kind=REMOVED):
            self._drop(event.learner)

    def __len__(self) -> int:
        return len(self._people)

    def everybody(self) -> list[Person]:
        """Return all participants, in the order in which they came."""
        return list(self._people.values())

    def find(self, participant: str) -> Person | None:
        """Return the participant with this id."""
        return self._people.get(participant)

    def enter(self, name: str) -> tuple[Person, str]:
        """Add somebody and return them with their return code, which is shown once and kept nowhere.

        Raises
        ------
        InvalidInputError
            When the name will not do, or the class is full.
        """
        plain = clean_name(name)
        if len(self) >= self._most:
            raise InvalidInputError(
                f"{len(self)} have entered, and no more may: whoever was here before comes back with the "
                "own code; your instructor can take out those who are gone"
            )
        number = _free({each.number for each in self._people.values()}, len(self), secrets.token_hex(8))
        person = Person(f"p-{secrets.token_hex(8)}", plain, time.time(), number)
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(_CODE_LENGTH))
        digest = self._digest(code)
        self._log.append(person.id, "", ENTERED, {"name": person.name, "code": digest, "number": number})
        self._keep(person, digest)
        return person, "-".join(code[place : place + 3] for place in range(0, _CODE_LENGTH, 3))

    def come_back(self, code: str) -> Person | None:
        """Return whose code this is; spaces, hyphens and small letters are forgiven."""
        plain = re.sub(r"[\s-]", "", code).upper()
        return self._people.get(self._codes.get(self._digest(plain), ""))

    def remove(self, participant: str) -> None:
        """Take somebody out: neither their id nor their code is known from now on."""
        self._log.append(participant, "", REMOVED)
        self._drop(participant)

    def _drop(self, participant: str) -> None:
        self._people.pop(participant, None)
        self._codes = {code: who for code, who in self._codes.items() if who != participant}

    def _keep(self, person: Person, digest: str) -> None:
        self._people[person.id] = person
        self._codes[digest] = person.id

    def _digest(self, code: str) -> str:
        return hmac.new(self._secret, code.encode(), hashlib.sha256).hexdigest()


def _free(taken: Container[object], count: int, drawn: str) -> int:
    """Return a number that nobody has, the first from the one that was drawn (hexadecimal) on."""
    most = _NUMBERS
    while 3 * count > most:
        most = 10 * most + 9
    number = int(drawn, 16) % most + 1
    while number in taken:
        number = number % most + 1
    return number


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
