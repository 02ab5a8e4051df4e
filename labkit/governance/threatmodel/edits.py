"""Changes of a system model, one function each; what cannot be done is refused, and nothing is half done."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from labkit.core.errors import InvalidInputError
from labkit.governance.threatmodel.model import Asset, Element, Flow, SystemModel, Zone
from labkit.governance.threatmodel.risk import Control

__all__ = [
    "add_asset",
    "add_control",
    "add_element",
    "add_flow",
    "add_zone",
    "change",
    "remove",
    "remove_control",
]


def add_zone(model: SystemModel, name: str) -> SystemModel:
    """Add a trust boundary."""
    name = _named("zone", name)
    return replace(model, zones=(*model.zones, Zone(_id(name, model), name)))


def add_element(model: SystemModel, name: str, kind: str, zone: str) -> SystemModel:
    """Add a part in a zone."""
    name = _named("part", name)
    return replace(model, elements=(*model.elements, Element(_id(name, model), name, kind, zone)))


def add_flow(model: SystemModel, source: str, target: str, data: str) -> SystemModel:
    """Connect two parts."""
    id = _id(f"flow {source} {target}", model)
    return replace(model, flows=(*model.flows, Flow(id, source, target, data.strip() or "data")))


def add_asset(model: SystemModel, name: str, at: str, worth: int) -> SystemModel:
    """Add something worth protecting, or change the one that has this name."""
    name = _named("asset", name)
    same = next((each.id for each in model.assets if each.name == name), "")
    made = Asset(same or _id(name, model), name, at, worth)
    kept = tuple(made if each.id == same else each for each in model.assets)
    return replace(model, assets=kept if same else (*kept, made))


def change(
    model: SystemModel,
    id: str,
    *,
    name: str,
    kind: str = "",
    zone: str = "",
    notes: Collection[str] | None = None,
) -> SystemModel:
    """Give a zone, part, flow or asset another name (of a flow: its data), and a part more than that.

    What is empty, or None, stays as it is; ``kind`` and ``zone`` are of parts only.
    """
    name = _named("name", name)
    made = None if notes is None else tuple(note.strip() for note in notes if note.strip())

    def element(each: Element) -> Element:
        changed = replace(each, name=name, kind=kind or each.kind, zone=zone or each.zone)
        return changed if made is None else replace(changed, notes=made)

    def flow(each: Flow) -> Flow:
        return replace(each, data=name, notes=each.notes if made is None else made)

    return replace(
        model,
        zones=tuple(replace(each, name=name) if each.id == id else each for each in model.zones),
        elements=tuple(element(each) if each.id == id else each for each in model.elements),
        flows=tuple(flow(each) if each.id == id else each for each in model.flows),
        assets=tuple(replace(each, name=name) if each.id == id else each for each in model.assets),
    )


def remove(model: SystemModel, id: str) -> SystemModel:
    """Take out an asset, a zone that is empty, or a part or flow with all that hangs on it."""
    inside = [element.name for element in model.elements if element.zone == id]
    if inside:
        raise InvalidInputError(f"this zone still holds {', '.join(inside)}: move or remove that first")
    gone = {id, *(flow.id for flow in model.flows if id in (flow.source, flow.target))}
    return replace(
        model,
        zones=tuple(each for each in model.zones if each.id != id),
        elements=tuple(each for each in model.elements if each.id not in gone),
        flows=tuple(each for each in model.flows if each.id not in gone),
        threats=tuple(each for each in model.threats if each.target not in gone),
        assets=tuple(each for each in model.assets if each.id != id and each.at not in gone),
    )


def add_control(model: SystemModel, title: str, cost: int, against: Collection[str]) -> SystemModel:
    """Add a control, or change the one that has this title: what it costs, and what else it helps against."""
    title = _named("control", title)
    plan = model.plan
    same = next((each for each in plan.controls if each.title == title), None)
    if same is None:
        taken = {each.id for each in plan.controls}
        made = Control(_free(_plain(title, "control"), taken), title, cost, tuple(against))
        return replace(model, plan=replace(plan, controls=(*plan.controls, made)))
    made = replace(same, cost=cost, against=tuple(dict.fromkeys((*same.against, *against))))
    kept = tuple(made if each.id == same.id else each for each in plan.controls)
    return replace(model, plan=replace(plan, controls=kept))


def remove_control(model: SystemModel, id: str) -> SystemModel:
    """Take a control out of the plan."""
    kept = tuple(each for each in model.plan.controls if each.id != id)
    chosen = tuple(each for each in model.plan.chosen if each != id)
    return replace(model, plan=replace(model.plan, controls=kept, chosen=chosen))


def _named(kind: str, name: str) -> str:
    if not name.strip():
        raise InvalidInputError(f"type a name first: a {kind} needs one of 1 to 200 characters")
    return name.strip()


def _id(name: str, model: SystemModel) -> str:
    return _free(_plain(name, "part"), model.ids)


def _plain(name: str, otherwise: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or otherwise


def _free(plain: str, taken: Collection[str]) -> str:
    number, found = 2, plain
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found
