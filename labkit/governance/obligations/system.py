"""A system as a card describes it: prose for people, and facts for the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.governance.obligations.words import JURISDICTIONS

__all__ = ["System", "read_system"]


@dataclass(frozen=True, slots=True)
class System:
    """One system and what an organisation has to do with it.

    Attributes
    ----------
    id, title, text : str
        The text is what a person reads; it states every fact in prose.
    facts : frozenset of str
        What holds, in the vocabulary of :func:`labkit.governance.obligations.facts`.
    jurisdictions : tuple of str
        Where it is used or offered.
    """

    id: str
    title: str
    text: str
    facts: frozenset[str]
    jurisdictions: tuple[str, ...] = ("EU",)

    def __contains__(self, fact: object) -> bool:
        return fact in self.facts


def read_system(card: Mapping[str, Any]) -> System:
    """Return the system that a card declares: id, title, text, facts, jurisdictions.

    Raises
    ------
    InvalidInputError
        When something is missing or of the wrong type.
    UnknownNameError
        When a fact or a jurisdiction is not in the vocabulary.
    """
    from labkit.governance.obligations.classifying import facts

    try:
        system = System(
            id=str(card["id"]),
            title=str(card["title"]),
            text=str(card["text"]),
            facts=frozenset(card["facts"]),
            jurisdictions=tuple(card.get("jurisdictions", ("EU",))),
        )
    except (KeyError, TypeError) as error:
        raise InvalidInputError(
            f"expected a card with id, title, text, facts and perhaps jurisdictions; got {error!r}"
        ) from error
    for fact in sorted(system.facts - facts().keys()):
        raise UnknownNameError("fact about a system", fact, facts())
    for place in system.jurisdictions:
        if place not in JURISDICTIONS:
            raise UnknownNameError("jurisdiction", place, JURISDICTIONS)
    return system
