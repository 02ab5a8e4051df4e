"""Three players of the governance lab: one who reads the rules, one idle, one who says yes to all.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.course.cases.governing.case import GovernanceCase
from labkit.governance.controls import (
    Line,
    documents,
    duties,
    factors,
    frameworks,
    need_of,
    rank,
    related,
)
from labkit.governance.obligations import classify, decide

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: GovernanceCase) -> Handed:
    """Play the lab by the declared rules, without a look at the key."""
    found = {system.id: classify(system) for system in case.systems}
    yield "classify", {"classification": {name: (each.tier, each.role) for name, each in found.items()}}

    best = rank(case.context)[0]
    bound = [each.id for each in duties(case.context)]
    yield (
        "framework",
        {"framework": best.framework.id, "reasons": list(best.decisive), "duties": bound},
    )

    yield "crosswalk", {"crosswalk": {each.id: _pair(each) for each in case.pairings}}
    yield "statement", {"statement": statement(case)}

    system = case.flagship.system
    decisions = decide(system, case.release_day, case.met, case.jurisdictions)
    judged: dict[str, Any] = {item.id: "no duty" for item in case.items}
    for decision in decisions.values():
        judged |= {duty.obligation.id: "blocks" for duty in decision.blocking}
        judged |= {duty.obligation.id: ("condition", str(duty.applies_from)) for duty in decision.conditions}
        judged |= {duty.obligation.id: "voluntary" for duty in decision.recommended}
    yield (
        "release",
        {
            "verdicts": {place: each.verdict for place, each in decisions.items()},
            "judgements": {item.id: judged[item.id] for item in case.items},
        },
    )


def nothing(case: GovernanceCase) -> Handed:
    """Hand in empty forms."""
    yield "classify", {"classification": {}}
    yield "framework", {"framework": "", "reasons": [], "duties": []}
    yield "crosswalk", {"crosswalk": {}}
    yield "statement", {"statement": {}}
    yield "release", {"verdicts": {}, "judgements": {}}


def lazy(case: GovernanceCase) -> Handed:
    """Call everything high-risk, applicable, binding, and take the first option."""
    tier = ("high-risk-annex-iii", "provider")
    yield "classify", {"classification": {system.id: tier for system in case.systems}}
    laws = [each.id for each in frameworks() if not each.chosen]
    yield "framework", {"framework": "iso-42001", "reasons": list(factors()), "duties": laws}
    first = {each.id: (each.options[0], each.evidence[0]) for each in case.pairings}
    yield "crosswalk", {"crosswalk": first}
    everything = {control: {"applicable": True, "status": "in place"} for control in case.controls}
    yield "statement", {"statement": everything}
    yield (
        "release",
        {
            "verdicts": {place: "no-go" for place in case.jurisdictions},
            "judgements": {item.id: "blocks" for item in case.items},
        },
    )


def statement(case: GovernanceCase) -> dict[str, Line]:
    """Write a statement of applicability by the facts of the system and the register."""
    lines = {}
    for control in case.controls:
        need = need_of(control, case.flagship.system.facts)
        shown = tuple(each.id for each in case.register if control in each.controls)
        if not need.needed:
            lines[control] = Line(False, reason=need.reason)
        elif shown:
            lines[control] = Line(True, status="in place", evidence=shown)
        else:
            lines[control] = Line(True, status="planned", due="2027-03-31")
    return lines


def _pair(pairing: Any) -> tuple[str, str]:
    fitting = set(related(pairing.source, pairing.control, "iso_42001"))
    control = next(each for each in pairing.options if each in fitting)
    shows = {each.id: each.controls for each in documents()}
    return control, next(each for each in pairing.evidence if control in shows[each])
