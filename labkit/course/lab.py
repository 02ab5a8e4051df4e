"""A lab as it is declared: frozen facts, and nothing that runs.

Every surface (catalogue, dashboard, progress, standards index, tests) is computed from
these.  :func:`labkit.course.declaration.read_lab` makes them out of a ``lab.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from labkit.core.errors import UnknownNameError
from labkit.scoring import Rule, Target

__all__ = [
    "BLOOM",
    "DOMAINS",
    "HINT_KINDS",
    "ROUTES",
    "Artefact",
    "Checkpoint",
    "DemoState",
    "Hint",
    "Item",
    "Lab",
    "Objective",
    "Option",
    "Prediction",
    "Recall",
    "Scenario",
]

DOMAINS = {
    "D1": "Governance, risk, framework selection and compliance",
    "D2": "Threat modelling and secure AI engineering",
    "D3": "Data governance and privacy",
    "D4": "Model robustness, evaluation and testing",
    "D5": "LLM and agent security and containment",
    "D6": "Monitoring, detection, incident response and self-healing",
    "D7": "Audit, documentation, human factors and emerging topics",
}
ROUTES = ("core", "elective")
BLOOM = ("remember", "understand", "apply", "analyse", "evaluate", "create")
HINT_KINDS = ("principle", "where to look", "range", "worked step")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One setting of a lab: a data set, a victim, and what an attacker may do.

    Attributes
    ----------
    id, title, story : str
    dataset, victim : str
        Names in the data catalogue and the table of architectures; empty in a lab that
        has no model.
    norm : str
        ``"linf"`` or ``"l2"``.
    epsilon : float
        Perturbation budget, in the units of ``x``.
    samples : int
        Inputs in one participant's variant.
    query_budget : int
        Questions that a black-box attacker may ask about each input.
    settings : mapping
        Anything else that the lab's ``case.py`` wants to know.
    """

    id: str
    title: str
    story: str
    dataset: str = ""
    victim: str = ""
    norm: str = "linf"
    epsilon: float = 0.0
    samples: int = 0
    query_budget: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Objective:
    """What a participant will be able to do; ``bloom`` is the level of Bloom's taxonomy."""

    id: str
    text: str
    bloom: str


@dataclass(frozen=True, slots=True)
class Hint:
    """One rung of the ladder: level 1 to 4, and what kind of help it is."""

    level: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is measured for an objective, and what a participant is told about it.

    Attributes
    ----------
    id, objective, title : str
    metric : str
        Key of ``MEASURES`` in the lab's ``case.py``.
    unit : str
        What the metric counts in.
    target : Target
    answer : str
        The answer cell of ``lab.py`` that solves it.
    hints : tuple of four hints
    rules : tuple of rules
        The first that applies explains a measurement; the last one always applies.
    """

    id: str
    objective: str
    title: str
    metric: str
    unit: str
    target: Target
    answer: str
    hints: tuple[Hint, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a question, with the reason why it is right or not."""

    text: str
    correct: bool
    why: str


@dataclass(frozen=True, slots=True)
class Recall:
    """A question about an earlier lab (``source`` is its id, or empty), asked before any text."""

    question: str
    options: tuple[Option, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A commitment before the run: what will come out, and how sure one is of it.

    Attributes
    ----------
    id, question : str
    kind : str
        ``"number"`` or ``"choice"``.
    outcome : str
        Key of ``OUTCOMES`` in the lab's ``case.py``.
    unit : str
        What a number is given in.
    options : tuple of str
        What a choice is made from.
    tolerance : float
        How near a number must come to count as right, in ``unit``.
    """

    id: str
    question: str
    kind: str
    outcome: str
    unit: str = ""
    options: tuple[str, ...] = ()
    tolerance: float = 10.0


@dataclass(frozen=True, slots=True)
class Item:
    """A question of the short test before (``form = "pre"``) or after (``"post"``) the lab."""

    form: str
    question: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class DemoState:
    """A prepared state of the live demo: what to say, and how the panel is set."""

    title: str
    say: str
    panel: str
    state: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Artefact:
    """What the lab adds to the evidence pack."""

    name: str
    title: str


_Named = TypeVar("_Named", Scenario, Objective, Checkpoint, Prediction)


@dataclass(frozen=True, slots=True, eq=False)
class Lab:
    """Everything that a ``lab.toml`` declares, and the folder it lies in.

    ``slug`` is the name of the folder without the id: ``evasion-range``.
    """

    folder: Path
    id: str
    slug: str
    title: str
    summary: str
    story: str
    role: str
    minutes: int
    prerequisites: tuple[str, ...]
    domain: str
    route: str
    standards: tuple[str, ...]
    glossary: tuple[str, ...]
    at_scale: str
    artefact: Artefact
    scenarios: tuple[Scenario, ...]
    objectives: tuple[Objective, ...]
    checkpoints: tuple[Checkpoint, ...]
    recall: tuple[Recall, ...]
    predictions: tuple[Prediction, ...]
    items: tuple[Item, ...]
    demo: tuple[DemoState, ...]

    def find_scenario(self, id: str) -> Scenario:
        return _find("scenario", id, self.scenarios)

    def find_objective(self, id: str) -> Objective:
        return _find("objective", id, self.objectives)

    def find_checkpoint(self, id: str) -> Checkpoint:
        return _find("checkpoint", id, self.checkpoints)

    def find_prediction(self, id: str) -> Prediction:
        return _find("prediction", id, self.predictions)

    def form(self, form: str) -> tuple[Item, ...]:
        """Return the items of the ``"pre"`` or the ``"post"`` form."""
        return tuple(item for item in self.items if item.form == form)


def _find(kind: str, id: str, among: tuple[_Named, ...]) -> _Named:
    for each in among:
        if each.id == id:
            return each
    raise UnknownNameError(kind, id, [each.id for each in among])
