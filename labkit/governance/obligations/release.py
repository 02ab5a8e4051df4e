"""Decide about a release, jurisdiction by jurisdiction, from duties and what is done about them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from labkit.governance.obligations.classifying import Classification, classify
from labkit.governance.obligations.declarations import transitions
from labkit.governance.obligations.mapping import Duty, duties_of
from labkit.governance.obligations.system import System

__all__ = ["VERDICTS", "Decision", "decide", "on_release"]

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

    A ban that is in force blocks whatever else is done, and nothing fulfils it.  A binding duty
    that is in force on the day and not met blocks; one that begins later is a condition with a
    date; a voluntary one is a recommendation, unless a contract makes it binding.  What older
    systems have to do is said by :func:`on_release`.

    Parameters
    ----------
    system : System
    day : date
        The planned release.
    met : collection of str
        Ids of the obligations that are fulfilled, with evidence; a ban among them is passed over.
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
        for each in duties_of(system, classification, (place,))
        if each.obligation.ban or each.obligation.id not in met
        if (duty := on_release(each, system, day))
    ]
    settled = [duty for duty in open_duties if not duty.obligation.unsettled]
    binding = [duty for duty in settled if duty.binding]
    blocking = tuple(duty for duty in binding if duty.in_force(day))
    conditions = tuple(duty for duty in binding if not duty.in_force(day))
    return Decision(
        jurisdiction=place,
        day=day,
        verdict="no-go" if blocking else "conditions" if conditions else "go",
        blocking=blocking,
        conditions=conditions,
        recommended=tuple(duty for duty in settled if not duty.binding),
        unsettled=tuple(duty for duty in open_duties if duty.obligation.unsettled),
    )


def on_release(duty: Duty, system: System, day: date) -> Duty | None:
    """Return a duty as it reaches a system that is released on a day; None where it never does.

    A high-risk system that is there before its duties begin, and whose design does not change
    significantly, does not come under them (Art. 111(2)); where a public authority uses it,
    provider and deployer have until a day of its own.
    """
    risky = {"high-risk-annex-i", "high-risk-annex-iii"} & set(duty.obligation.tiers)
    if not risky or duty.in_force(day) or "significant-changes" in system:
        return duty
    for each in transitions():
        if each.when <= system.facts and set(each.roles) & set(duty.obligation.roles):
            return replace(duty, applies_from=each.by)
    return None
