"""An architecture for one participant: parts that vary with the seed, and planted flaws."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

from labkit.core.errors import UnknownNameError
from labkit.core.seeds import derive
from labkit.governance.threatmodel.attack_tree import Gate, Step, Tree
from labkit.governance.threatmodel.catalogue import Catalogue, Family, Flaw, catalogue
from labkit.governance.threatmodel.model import Asset, Element, Flow, SystemModel, Zone
from labkit.governance.threatmodel.risk import Control, Risk, best_controls

__all__ = ["PLANTED", "Architecture", "Note", "generate"]

PLANTED = 12
BUDGET = 100
_SPARE_ROLES = ("hub", "log", "expert")  # some variants lack one of these, and its flaws
_SLACK = 1.15  # the appetite leaves room for a choice that is not quite the best


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about one part, the question (a letter of STRIDE) that it answers, and whether badly."""

    at: str
    category: str
    sentence: str
    planted: bool


@dataclass(frozen=True)
class Architecture:
    """A system on paper, and what is wrong with it.

    Attributes
    ----------
    family : Family
    model : SystemModel
        The diagram, with notes on how each part is built; no threats.
    notes : tuple of Note
        What each note of the diagram is about.
    planted : tuple of Flaw
    tree : Gate
        How the goal of the attacker can be reached.
    purse : float
        What the attacker can spend.
    controls : tuple of Control
        What can be bought, some of it to no avail.
    budget : int
    appetite : float
        The residual risk that Meridian Care accepts.
    """

    family: Family
    model: SystemModel
    notes: tuple[Note, ...]
    planted: tuple[Flaw, ...]
    tree: Gate
    purse: float
    controls: tuple[Control, ...]
    budget: int
    appetite: float

    @property
    def risks(self) -> tuple[Risk, ...]:
        """The planted flaws with their rating."""
        return tuple(Risk(flaw.id, flaw.likelihood, flaw.impact) for flaw in self.planted)

    def note(self, at: str, category: str) -> Note | None:
        """Return the note of a part that answers a question; None when no note does."""
        return next((note for note in self.notes if (note.at, note.category) == (at, category)), None)


def generate(family: str, seed: int) -> Architecture:
    """Return the architecture of a seed.

    Parameters
    ----------
    family : str
        ``"triage"``, ``"loans"`` or ``"robots"``.
    seed : int

    Raises
    ------
    UnknownNameError
        When there is no such family.
    """
    known = catalogue()
    if family not in known.families:
        raise UnknownNameError("family of systems", family, known.families)
    about = known.families[family]
    draw = random.Random(derive(seed, "architecture", family))
    left_out = draw.choice((*_SPARE_ROLES, ""))
    roles = {role: each for role, each in known.roles.items() if role != left_out}
    flows = {id: each for id, each in known.flows.items() if {each["source"], each["target"]} <= roles.keys()}
    candidates = [flaw for flaw in known.flaws if flaw.at in roles or flaw.at in flows]
    planted = _plant(candidates, draw)
    notes = tuple(_note(flaw, about, planted=flaw in planted) for flaw in candidates)
    model = _model(known, about, roles, flows, notes)
    controls = _controls(known, planted, draw)
    risks = tuple(Risk(flaw.id, flaw.likelihood, flaw.impact) for flaw in planted)
    best = best_controls(risks, controls, BUDGET)
    tree = _tree(about, planted, random.Random(derive(seed, "effort", family)))
    return Architecture(
        family=about,
        model=model,
        notes=notes,
        planted=tuple(planted),
        tree=tree,
        purse=_PURSE,
        controls=controls,
        budget=BUDGET,
        appetite=round(best.residual * _SLACK, 1),
    )


def _plant(candidates: list[Flaw], draw: random.Random) -> list[Flaw]:
    """Choose the flaws: no two in one place and category, in the order of the catalogue."""
    chosen: list[Flaw] = []
    for flaw in draw.sample(candidates, len(candidates)):
        if len(chosen) < PLANTED and (flaw.at, flaw.category) not in {(f.at, f.category) for f in chosen}:
            chosen.append(flaw)
    return sorted(chosen, key=candidates.index)


def _note(flaw: Flaw, family: Family, *, planted: bool) -> Note:
    sentence = flaw.flawed if planted else flaw.sound
    return Note(flaw.at, flaw.category, sentence.format(**family.words), planted)


def _model(
    known: Catalogue, family: Family, roles: Collection[str], flows: Collection[str], facts: tuple[Note, ...]
) -> SystemModel:
    notes: dict[str, list[str]] = {}
    for note in facts:
        notes.setdefault(note.at, []).append(note.sentence)
    zones = {known.roles[role]["zone"] for role in roles}
    return SystemModel(
        name=family.system,
        zones=tuple(Zone(id, name) for id, name in known.zones.items() if id in zones),
        elements=tuple(
            Element(
                role,
                family.names[role],
                known.roles[role]["kind"],
                known.roles[role]["zone"],
                tuple(notes.get(role, ())),
            )
            for role in roles
        ),
        flows=tuple(
            Flow(
                id, known.flows[id]["source"], known.flows[id]["target"], known.flows[id]["data"],
                tuple(notes.get(id, ())),
            )
            for id in flows
        ),
        assets=tuple(
            Asset(f"asset-{id}", about["name"].format(**family.words), about["at"], about["worth"])
            for id, about in known.assets.items()
            if about["at"] in roles
        ),
    )  # fmt: skip


def _controls(known: Catalogue, planted: list[Flaw], draw: random.Random) -> tuple[Control, ...]:
    against: dict[str, list[str]] = {}
    for flaw in planted:
        for control in flaw.controls:
            against.setdefault(control, []).append(flaw.id)
    idle = [id for id in known.controls if id not in against]
    offered = {*against, *draw.sample(idle, min(4, len(idle)))}
    return tuple(
        Control(id, about["title"], about["cost"], tuple(against.get(id, ())))
        for id, about in known.controls.items()
        if id in offered
    )


_PURSE = 25.0
_HARD_WAY = {
    "documents": ("Forge a document that a person approves", "Trick the assistant by wording alone"),
    "interface": ("Break the login", "Find a fault in the interface"),
    "supply": ("Take over a supplier's account", "Break the signature of a model"),
    "inside": ("Win over somebody inside", "Break the encryption of the records"),
}
_ROUTES = {
    "documents": "Through a document that the assistant reads",
    "interface": "Through the front door",
    "supply": "Through what the model is made of",
    "inside": "From inside",
}
_HARD_ENTRY, _HARD_IMPACT = 22.0, 20.0


_PACE = (0.7, 1.7)  # how much more or less than in the catalogue an attack costs in one variant


def _tree(family: Family, planted: list[Flaw], draw: random.Random) -> Gate:
    """Return every route to the goal: get in, then do harm; without a planted flaw it is the hard way."""
    parts: list[Tree] = []
    pace = draw.uniform(*_PACE)
    for route, title in _ROUTES.items():
        gates: list[Tree] = []
        for kind, verb in (("entry", "Get in"), ("impact", "Use it")):
            hard = _HARD_WAY[route][kind == "impact"]
            cost = _HARD_IMPACT if kind == "impact" else _HARD_ENTRY
            found: list[Tree] = [
                Step(flaw.id, flaw.title, _effort(flaw, pace, draw), flaw.success, flaw.controls)
                for flaw in planted
                if (flaw.route, flaw.step) == (route, kind)
            ]
            gates.append(
                Gate("OR", f"{verb}: {route}", (*found, Step(f"hard-{route}-{kind}", hard, cost, 0.1)))
            )
        parts.append(Gate("AND", title, tuple(gates)))
    return Gate("OR", family.goal, tuple(parts))


def _effort(flaw: Flaw, pace: float, draw: random.Random) -> float:
    return max(1.0, float(round(flaw.effort * pace + draw.choice((-1, 0, 1)))))
