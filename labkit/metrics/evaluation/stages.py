"""The attacks of the cascade, cheap ones first: each one sees only what the ones before left standing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from labkit.attacks import evasion
from labkit.core.protocols import Classifier, DifferentiableClassifier
from labkit.core.results import AdversarialExamples
from labkit.core.threat import Norm

__all__ = ["CASCADE", "Stage", "usable"]

_BOTH = (Norm.LINF, Norm.L2)


@dataclass(frozen=True, slots=True)
class Stage:
    """One attack of a cascade, and what it takes.

    Attributes
    ----------
    name : str
        How the report calls it.
    attack : function
        ``attack(model, x, y, epsilon=..., norm=..., seed=..., **params)``; what it does not take is
        not handed to it.
    params : mapping
        Its own parameters.
    takes : tuple of str
        Which of ``seed``, ``precision`` and ``progress`` it takes.
    norms : tuple of Norm
        The norms that it searches in.
    gradient : bool
        Whether it needs the gradient of the victim.
    classes : int
        The smallest number of classes that it works for.
    """

    name: str
    attack: Callable[..., AdversarialExamples]
    params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    takes: tuple[str, ...] = ("seed", "precision", "progress")
    norms: tuple[Norm, ...] = _BOTH
    gradient: bool = True
    classes: int = 2


CASCADE: tuple[Stage, ...] = (
    Stage("fgsm", evasion.fgsm, takes=(), norms=tuple(Norm)),
    Stage("pgd", evasion.pgd, {"steps": 20, "step_decay": True}, norms=tuple(Norm)),
    Stage("apgd-ce", evasion.apgd, {"steps": 100}),
    Stage("apgd-dlr", evasion.apgd, {"steps": 50, "loss": "dlr"}, classes=3),
    Stage("apgd-targeted", evasion.apgd_targeted, {"steps": 30, "target_count": 9}, classes=4),
    Stage(
        "fab",
        evasion.fab,
        {"steps": 20, "aims": 3},
        takes=("seed", "progress"),
        norms=(Norm.LINF, Norm.L2, Norm.L1),
    ),
    Stage("square", evasion.square, {"query_budget": 1000}, takes=("seed", "progress"), gradient=False),
)
"""FGSM, PGD with a decaying step, Auto-PGD with three losses, FAB, and Square: the order of cost.

The later stages get a third of the steps and a fifth of the queries of the reference order of attacks: on
our victims the rest broke nothing more (``python -m benchmarks attacks`` compares).  For a final
judgement hand in stages with larger budgets.
"""


def usable(model: Classifier, norm: Norm, stages: Sequence[Stage]) -> tuple[list[Stage], dict[str, str]]:
    """Return the stages that can run on this victim, and why the others cannot."""
    white_box = isinstance(model, DifferentiableClassifier)
    kept, left_out = [], {}
    for stage in stages:
        if stage.gradient and not white_box:
            left_out[stage.name] = "the model offers no gradient"
        elif norm not in stage.norms:
            left_out[stage.name] = f"it does not search in {norm.value}"
        elif model.classes < stage.classes:
            left_out[stage.name] = f"it needs {stage.classes} classes or more"
        else:
            kept.append(stage)
    return kept, left_out
