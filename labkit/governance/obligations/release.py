"""Decide about a release, jurisdiction by jurisdiction, from duties and what is done about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from labkit.governance.obligations.classifying import Classification, classify
from labkit.governance.obligations.mapping import Duty, duties_of
from labkit.governance.obligations.system import System

__all__ = ["VERDICTS", "Decision", "decide"]

VERDICTS: Mapping[str, str] = {
    "go": "go",
    "conditions": "go, with dated conditions",
    "no-go": "no-go",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows in one jurisdiction on one day.

    Attributes
    ----------
    jurisdiction : str
    day : date
        The planned release.
    verdict : str
        ``go``, ``conditions`` or ``no-go``.
    blocking : tuple of Duty
        Binding, in force on the day, and not met.
    conditions : tuple of Duty
        Binding, not met, and in force later: each becomes due on its day.
    recommended : tuple of Duty
        Voluntary and not met; never a reason to stop.
    unsettled : tuple of Duty
        Not met, and of an uncertain day: for counsel.
    """

    jurisdiction: str
    day: date
    verdict: str
    blocking: tuple[Duty, ...]
    conditions: tuple[Duty, ...]
    recommended: tuple[Duty, ...]
    unsettled: tuple[Duty, ...]


def decide(
    system: System,
    day: date,
    met: Collection[str],
    jurisdictions: Iterable[str] | None = None,
    classification: Classification | None = None,
) -> dict[str, Decision]:
    """Return a decision for every jurisdiction.

    A ban that is in force blocks whatever else is done.  A binding duty that is in force on
    the day and not met blocks; one that begins later is a condition with a date; a voluntary
    one is a recommendation.  A high-risk system that is on the market before its duties
    begin, and whose design does not change significantly, does not come under them (Art. 111(2)).

    Parameters
    ----------
    system : System
    day : date
        The planned release.
    met : collection of str
        Ids of the obligations that are fulfilled, with evidence.
    jurisdictions : iterable of str, optional
        By default those of the system.
    """
    classified = classification or classify(system)
    places = tuple(system.jurisdictions if jurisdictions is None else jurisdictions)
    return {place: _decide(system, day, met, place, classified) for place in places}


def _decide(
    system: System, day: date, met: Collection[str], place: str, classification: Classification
) -> Decision:
    open_duties = [
        duty
        for duty in duties_of(system, classification, (place,))
        if duty.obligation.id not in met and not _too_old(duty, system, day)
    ]
    settled = [duty for duty in open_duties if not duty.obligation.unsettled]
    binding = [duty for duty in settled if duty.obligation.binding]
    blocking = tuple(duty for duty in binding if duty.in_force(day))
    conditions = tuple(duty for duty in binding if not duty.in_force(day))
    return Decision(
        jurisdiction=place,
        day=day,
        verdict="no-go" if blocking else "conditions" if conditions else "go",
        blocking=blocking,
        conditions=conditions,
        recommended=tuple(duty for duty in settled if not duty.obligation.binding),
        unsettled=tuple(duty for duty in open_duties if duty.obligation.unsettled),
    )


def _too_old(duty: Duty, system: System, day: date) -> bool:
    """Say whether the release comes before the duty and nothing later brings it under it."""
    risky = {"high-risk-annex-i", "high-risk-annex-iii"} & set(duty.obligation.tiers)
    return bool(risky) and not duty.in_force(day) and "significant-changes" not in system
