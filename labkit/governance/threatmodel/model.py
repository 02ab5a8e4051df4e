"""A system as a data-flow diagram, the threats that were found in it, and what is done about them.

Elements are external entities, processes and stores; flows carry data between them; zones
are what lies inside one trust boundary; assets are what somebody would come for.  Whatever can
be made here can be written to a file and read again: one set of rules holds for both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.governance.threatmodel.attack_tree import Tree, guarded, read_outline
from labkit.governance.threatmodel.risk import Control, Risk

__all__ = ["KINDS", "Asset", "Element", "Flow", "Plan", "SystemModel", "Threat", "Zone"]

KINDS = ("external", "process", "store")
_LONGEST, _LONGEST_TREE = 200, 20_000
_MOST, _MOST_NOTES, _DEAREST = 500, 50, 1_000_000
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything inside one trust boundary."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """A part of the system; ``kind`` is one of :data:`KINDS`, ``notes`` say how it is built."""

    id: str
    name: str
    kind: str
    zone: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Data that go from one element to another."""

    id: str
    source: str
    target: str
    data: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """Something worth protecting: ``at`` which part it lies, and what it is ``worth``, as an impact."""

    id: str
    name: str
    at: str
    worth: int


@dataclass(frozen=True, slots=True)
class Threat:
    """One finding: what may go wrong where, how bad it is, who sees to it, and what helps.

    Attributes
    ----------
    target : str
        Id of an element or a flow.
    category : str
        A letter of STRIDE.
    technique, mitigation : str
        ATLAS ids; empty where none was chosen.
    likelihood, impact : int
        From 1 to 5; 0 while it was not rated.
    owner : str
    """

    target: str
    category: str
    technique: str = ""
    mitigation: str = ""
    likelihood: int = 0
    impact: int = 0
    owner: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Where and what: two findings with one key are the same."""
        return self.target, self.category

    @property
    def id(self) -> str:
        """The same as one text, such as ``service/T``."""
        return f"{self.target}/{self.category}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done about the threats: controls, which of them are bought, and the attack tree.

    Attributes
    ----------
    controls : tuple of Control
        Each helps against threats, named as in ``service/T``.
    chosen : tuple of str
        Ids of the controls that are bought.
    budget : int
    tree : str
        An outline as :func:`read_outline` reads it, or empty.
    """

    controls: tuple[Control, ...] = ()
    chosen: tuple[str, ...] = ()
    budget: int = 100
    tree: str = ""

    def attack_tree(self) -> Tree | None:
        """Return the attack tree, its steps stopped by what helps against them; None while there is none."""
        return guarded(read_outline(self.tree), self.controls) if self.tree.strip() else None


@dataclass(frozen=True, slots=True)
class SystemModel:
    """A system, what was found in it, and what is done about it.

    Raises
    ------
    InvalidInputError
        When an id is used twice, a text is empty or too long, or a number is out of range.
    UnknownNameError
        When something refers to what is not there.
    """

    name: str
    zones: tuple[Zone, ...] = ()
    elements: tuple[Element, ...] = ()
    flows: tuple[Flow, ...] = ()
    threats: tuple[Threat, ...] = field(default=())
    assets: tuple[Asset, ...] = ()
    plan: Plan = Plan()

    def __post_init__(self) -> None:
        _text("name of the system", self.name)
        for kind in ("zones", "elements", "flows", "threats", "assets"):
            _few(kind, getattr(self, kind), _MOST)
        self._check_ids()
        zones, elements = {zone.id for zone in self.zones}, {element.id for element in self.elements}
        for zone in self.zones:
            _text("name of a zone", zone.name)
        for element in self.elements:
            _text("name of a part", element.name)
            _notes(element.name, element.notes)
            _known("kind of part", element.kind, KINDS)
            _known(f"zone of {element.name!r}", element.zone, zones)
        for flow in self.flows:
            _text("data of a flow", flow.data)
            _notes(flow.data, flow.notes)
            for end in (flow.source, flow.target):
                _known(f"end of the flow {flow.data!r}", end, elements)
            if flow.source == flow.target:
                raise InvalidInputError(f"expected the flow {flow.data!r} between two elements, got one")
        targets = {*elements, *(flow.id for flow in self.flows)}
        for asset in self.assets:
            _text("name of an asset", asset.name)
            _known(f"part that holds {asset.name!r}", asset.at, targets)
            _number(f"worth of {asset.name!r}", asset.worth, 1, 5)
        self._check_threats(targets)
        _check_plan(self.plan)

    def _check_ids(self) -> None:
        seen: set[str] = set()
        for id in self.ids:
            _text("id", id)
            if id in seen:
                raise InvalidInputError(f"the id {id!r} is used twice in the threat model")
            seen.add(id)

    def _check_threats(self, targets: set[str]) -> None:
        keys = [threat.key for threat in self.threats]
        if len(set(keys)) < len(keys):
            raise InvalidInputError("expected each threat once: one element or flow, one category")
        for threat in self.threats:
            _known("element or flow of a threat", threat.target, targets)
            _known("STRIDE category", threat.category, tuple("STRIDE"))
            _number("likelihood (1 to 5 when it is rated)", threat.likelihood, 0, 5)
            _number("impact (1 to 5 when it is rated)", threat.impact, 0, 5)
            for name in ("technique", "mitigation", "owner"):
                _text(f"{name} of a threat", getattr(threat, name), empty=True)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of zones, elements, flows and assets."""
        return (
            *(zone.id for zone in self.zones),
            *(element.id for element in self.elements),
            *(flow.id for flow in self.flows),
            *(asset.id for asset in self.assets),
        )

    def find(self, id: str) -> Element | Flow:
        """Return the element or flow with this id."""
        parts: tuple[Element | Flow, ...] = (*self.elements, *self.flows)
        for each in parts:
            if each.id == id:
                return each
        raise UnknownNameError("element or flow", id, [each.id for each in parts])

    def title(self, id: str) -> str:
        """Return what an element or flow is called: a flow by its two ends."""
        found = self.find(id)
        if isinstance(found, Element):
            return found.name
        names = {element.id: element.name for element in self.elements}
        return f"{names[found.source]} → {names[found.target]}"

    @property
    def risks(self) -> tuple[Risk, ...]:
        """The threats that are rated."""
        rated = (each for each in self.threats if each.likelihood and each.impact)
        return tuple(Risk(each.id, each.likelihood, each.impact) for each in rated)

    def crosses(self, flow: Flow) -> bool:
        """Whether a flow crosses a trust boundary."""
        zones = {element.id: element.zone for element in self.elements}
        return zones[flow.source] != zones[flow.target]


def _check_plan(plan: Plan) -> None:
    _few("controls", plan.controls, _MOST)
    ids = [control.id for control in plan.controls]
    if len(set(ids)) < len(ids):
        raise InvalidInputError("expected each control once: an id of a control is used twice")
    for control in plan.controls:
        _text("id of a control", control.id)
        _text("name of a control", control.title)
        _number(f"cost of {control.title!r}", control.cost, 0, _DEAREST)
        _few("threats of a control", control.against, _MOST)
        for threat in control.against:
            _text("threat of a control", threat)
    _few("chosen controls", plan.chosen, _MOST)
    for id in plan.chosen:
        _known("control", id, ids)
    _number("budget", plan.budget, 0, _DEAREST)
    if not isinstance(plan.tree, str) or len(plan.tree) > _LONGEST_TREE:
        raise InvalidInputError(f"expected the attack tree as a text of up to {_LONGEST_TREE:,} characters")
    if _UNPRINTABLE.search(plan.tree.replace("\n", "")):
        raise InvalidInputError("expected the attack tree without control characters; indent with spaces")
    plan.attack_tree()


def _text(name: str, value: Any, *, empty: bool = False) -> None:
    if not isinstance(value, str) or not (value.strip() or (empty and not value)):
        raise InvalidInputError(f"expected the {name} as a text of 1 to {_LONGEST} characters, got {value!r}")
    if len(value) > _LONGEST:
        raise InvalidInputError(
            f"expected the {name} as a text of 1 to {_LONGEST} characters, got {len(value)}: "
            f"{value[:30]!r} and so on"
        )
    if _UNPRINTABLE.search(value):
        raise InvalidInputError(f"expected the {name} on one line and without control characters: {value!r}")


def _number(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidInputError(f"expected {name} as a whole number from {low} to {high:,}, got {value!r}")


def _known(kind: str, value: Any, known: Sequence[str] | set[str]) -> None:
    if not isinstance(value, str) or value not in known:
        raise UnknownNameError(kind, str(value), known)


def _few(kind: str, value: Any, most: int) -> None:
    if not isinstance(value, tuple):
        raise InvalidInputError(f"expected {kind} as a tuple, got {type(value).__name__}")
    if len(value) > most:
        raise InvalidInputError(f"expected up to {most} {kind}, got {len(value)}")


def _notes(where: str, notes: Any) -> None:
    _few(f"notes on {where!r}", notes, _MOST_NOTES)
    for note in notes:
        _text(f"note on {where!r}", note)
