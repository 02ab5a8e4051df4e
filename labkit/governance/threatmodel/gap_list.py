"""What a threat model without planted truth still lacks.

Nobody can say what was overlooked; what can be said is where nobody looked, and what was
found and left lying.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labkit.governance.threatmodel.attack_tree import steps
from labkit.governance.threatmodel.model import SystemModel, Threat
from labkit.governance.threatmodel.risk import level
from labkit.governance.threatmodel.stride import CATEGORIES, applicable

__all__ = ["Gap", "gaps"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a threat model without planted truth still lacks."""

    where: str
    what: str


def gaps(model: SystemModel) -> list[Gap]:
    """Return what is missing in the threat model of a system of one's own."""
    return [*_drawing(model), *_parts(model), *_threats(model), *_plan(model)]


def _drawing(model: SystemModel) -> Iterator[Gap]:
    if not model.flows:
        yield Gap(model.name, "no flow: data that never move need no threat model; draw what moves")
    if len(model.zones) < 2:
        yield Gap(model.name, "one zone only: everything inside one boundary means trusting everything")
    if not model.assets:
        yield Gap(model.name, "no asset: say what somebody would come for, and where it lies")


def _parts(model: SystemModel) -> Iterator[Gap]:
    looked = {threat.target for threat in model.threats}
    for flow in model.flows:
        if model.crosses(flow) and flow.id not in looked:
            yield Gap(model.title(flow.id), "crosses a trust boundary, and no threat is noted for it")
    for element in model.elements:
        linked = any(element.id in (flow.source, flow.target) for flow in model.flows)
        if not linked:
            yield Gap(element.name, "is connected to nothing")
        elif element.kind == "process" and element.id not in looked:
            yield Gap(element.name, "is a process, and no threat is noted for it")
    for asset in model.assets:
        if asset.at not in looked:
            yield Gap(asset.name, f"lies at {model.title(asset.at)}, and no threat is noted there")


def _threats(model: SystemModel) -> Iterator[Gap]:
    bought = {name for each in model.plan.controls if each.id in model.plan.chosen for name in each.against}
    tree = model.plan.attack_tree()
    used = {step.threat for step in steps(tree)} if tree else set()
    for threat in model.threats:
        name = _name(model, threat)
        if threat.category not in {each.letter for each in applicable(model.find(threat.target))}:
            yield Gap(name, "is nothing that a part of this kind can have")
        if not threat.likelihood or not threat.impact:
            yield Gap(name, "is not rated")
        elif level(threat.likelihood * threat.impact) in ("high", "critical"):
            if not threat.owner:
                yield Gap(name, "is high and has no owner")
            if not threat.mitigation:
                yield Gap(name, "is high and has no mitigation")
            if model.plan.controls and threat.id not in bought:
                yield Gap(name, "is high, and no control that is bought helps against it")
            if tree and threat.id not in used:
                yield Gap(name, "is high, and no step of the attack tree makes use of it")


def _plan(model: SystemModel) -> Iterator[Gap]:
    noted = {threat.id for threat in model.threats}
    cost = sum(control.cost for control in model.plan.controls if control.id in model.plan.chosen)
    if cost > model.plan.budget:
        yield Gap(model.name, f"controls for {cost} are bought, and the budget is {model.plan.budget}")
    for control in model.plan.controls:
        if not noted & set(control.against):
            yield Gap(control.title, "is a control that helps against no threat that is noted")
    tree = model.plan.attack_tree()
    for step in steps(tree) if tree else ():
        if step.threat and step.threat not in noted:
            yield Gap(
                step.title, f"is a step that makes use of {step.threat}, which is no threat that is noted"
            )


def _name(model: SystemModel, threat: Threat) -> str:
    return f"{CATEGORIES[threat.category].name} at {model.title(threat.target)}"
