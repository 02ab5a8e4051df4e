"""Which duties a system brings, in which jurisdiction, and from which day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from labkit.governance import standards
from labkit.governance.obligations.classifying import Classification, classify
from labkit.governance.obligations.declarations import Obligation, obligations
from labkit.governance.obligations.system import System

__all__ = ["Duty", "Milestone", "duties_of", "first_day", "milestones"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUBJECTS = {"contract": "cards", "voluntary": "code"}  # what a contract makes binding, by force


@dataclass(frozen=True, slots=True)
class Duty:
    """An obligation as it falls on one system.

    ``applies_from`` is None where it was in force before the tables begin to count;
    ``promised`` says that a contract makes something voluntary binding here.
    """

    obligation: Obligation
    applies_from: date | None
    promised: bool = False

    @property
    def force(self) -> str:
        """How binding it is on this system: a key of ``FORCES``."""
        return "contract" if self.promised else self.obligation.force

    @property
    def binding(self) -> bool:
        """Whether it must be met here, by law or by contract."""
        return self.force != "voluntary"

    def in_force(self, day: date) -> bool:
        """Say whether it applies on a day."""
        return self.applies_from is None or self.applies_from <= day


@dataclass(frozen=True, slots=True)
class Milestone:
    """A day on which something changes, with the entry of the tables that says so."""

    day: date
    title: str
    standard: str
    confidence: str


def duties_of(
    system: System,
    classification: Classification | None = None,
    jurisdictions: Iterable[str] | None = None,
) -> tuple[Duty, ...]:
    """Return the duties that fall on whoever has this system in hand, sorted by day.

    Parameters
    ----------
    system : System
    classification : Classification, optional
        By default :func:`classify` is asked.
    jurisdictions : iterable of str, optional
        By default those of the system.

    Returns
    -------
    tuple of Duty
        Those in force longest first; of the same day in the order of the declarations.
    """
    classified = classification or classify(system)
    places = set(system.jurisdictions if jurisdictions is None else jurisdictions)
    found = [
        Duty(each, first_day(each, system, classified), _promised(each, system))
        for each in obligations()
        if each.jurisdiction in places and _falls_on(each, system, classified)
    ]
    return tuple(sorted(found, key=lambda duty: duty.applies_from or date.min))


def first_day(obligation: Obligation, system: System, classification: Classification) -> date | None:
    """Return the first day on which an obligation holds for this system."""
    contract = system.contract(obligation.jurisdiction, _SUBJECTS.get(obligation.force, ""))
    if contract:
        return max(contract.since, obligation.applies_from or date.min)
    tiers = classification.duty_tiers
    special = [day for key, day in obligation.applies_from_by.items() if key in system or key in tiers]
    # Two special days: a system under two tiers meets the duty when the first of them asks for it.
    general = set(obligation.tiers) & set(tiers) - obligation.applies_from_by.keys()
    if special and general and obligation.applies_from is not None:
        only_tiers = all(key in tiers for key in obligation.applies_from_by)
        return min([obligation.applies_from, *special]) if only_tiers else max(special)
    return max(special) if special else obligation.applies_from


def milestones() -> tuple[Milestone, ...]:
    """Return the days of the EU AI Act's timeline in the bundled tables, in order."""
    found = []
    for name in standards.index():
        owner, _, plain = name.partition("/")
        if owner == "eu-ai-act" and _DAY.fullmatch(plain):
            entry = standards.lookup(name)
            found.append(Milestone(date.fromisoformat(plain), entry.title, name, entry.confidence))
    return tuple(sorted(found, key=lambda milestone: milestone.day))


def _promised(obligation: Obligation, system: System) -> bool:
    return obligation.force == "voluntary" and bool(system.contract(obligation.jurisdiction, "code"))


def _falls_on(obligation: Obligation, system: System, classification: Classification) -> bool:
    return (
        obligation.when <= system.facts
        and not obligation.unless & system.facts
        and (not obligation.any_of or bool(obligation.any_of & system.facts))
        and (not obligation.tiers or bool(set(obligation.tiers) & set(classification.duty_tiers)))
        and (not obligation.roles or bool(set(obligation.roles) & set(classification.roles)))
    )
