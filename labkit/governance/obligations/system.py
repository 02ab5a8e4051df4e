"""A system as a card describes it: prose for people, and facts for the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.governance.obligations.words import CONTRACTS, JURISDICTIONS

__all__ = ["Contract", "System", "read_system"]


@dataclass(frozen=True, slots=True)
class Contract:
    """What a contract makes binding in one jurisdiction.

    Attributes
    ----------
    jurisdiction : str
    about : str
        ``cards`` (the card rules) or ``code`` (the voluntary framework of the place).
    since : date
        First day on which it binds.
    """

    jurisdiction: str
    about: str
    since: date

    def __str__(self) -> str:
        place, day = JURISDICTIONS[self.jurisdiction], f"{self.since.day} {self.since:%B %Y}"
        return f"{place}: {CONTRACTS[self.about]}, by contract from {day}"


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
    contracts : tuple of Contract
        What contracts bind to.  Where none is named, card rules bind at once and voluntary
        frameworks do not.
    """

    id: str
    title: str
    text: str
    facts: frozenset[str]
    jurisdictions: tuple[str, ...] = ("EU",)
    contracts: tuple[Contract, ...] = ()

    def __contains__(self, fact: object) -> bool:
        return fact in self.facts

    def contract(self, jurisdiction: str, about: str) -> Contract | None:
        """Return the contract of a jurisdiction about something; None where there is none."""
        found = (each for each in self.contracts if (each.jurisdiction, each.about) == (jurisdiction, about))
        return next(found, None)


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
