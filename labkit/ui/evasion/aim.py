"""What an attacker has set: how much they see, which attack, and how far they may go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from labkit import models
from labkit.attacks import Oracle, evasion
from labkit.core import AdversarialExamples, Classifier, DifferentiableClassifier, Norm, derive
from labkit.course.cases.evasion import EvasionCase
from labkit.ui.work import Progress

__all__ = ["ACCESS", "Access", "Aim", "copy_victim", "epsilon_range"]

LIVE_QUERIES = 100
"""Questions per picture while one plays with the dials; the checkpoint allows more."""

SURROGATE_SAMPLES = 400


@dataclass(frozen=True, slots=True)
class Access:
    """One way to reach a victim, in words, and the attacks that it allows."""

    title: str
    tip: str
    attacks: Mapping[str, str]


ACCESS: Mapping[str, Access] = {
    "white-box": Access(
        "White-box",
        "You hold the weights: follow the gradient",
        {"PGD": "pgd", "FGSM": "fgsm", "Random noise": "random_noise"},
    ),
    "transfer": Access(
        "Transfer",
        "You train a copy on the victim's answers and attack the copy",
        {"PGD on the copy": "pgd", "FGSM on the copy": "fgsm"},
    ),
    "scores": Access("Scores only", "You may ask, and see the scores", {"Square": "square"}),
    "label": Access("Label only", "You may ask, and see the label", {"HopSkipJump": "hop_skip_jump"}),
}


@dataclass(frozen=True, slots=True)
class Aim:
    """The setting of every dial; running it twice gives the same pictures."""

    access: str
    attack: str
    epsilon: float
    norm: Norm
    steps: int
    target: int | None = None

    def run(
        self,
        case: EvasionCase,
        x: Tensor,
        y: Tensor,
        *,
        surrogate: DifferentiableClassifier | None = None,
        progress: Progress | None = None,
    ) -> AdversarialExamples:
        """Attack ``x`` of shape ``(n, ...)`` with true classes ``y`` as the dials say."""
        settings: dict[str, Any] = {"epsilon": self.epsilon, "norm": self.norm}
        if self.attack != "fgsm":
            settings["seed"] = derive(case.seed, "panel")
        if self.attack == "pgd":
            settings |= {"steps": self.steps, "progress": progress}
        if self.attack in ("pgd", "fgsm", "square") and self.target is not None:
            settings["y_target"] = torch.full_like(y, self.target)
        model: Classifier = case.victim
        if self.access == "transfer" and surrogate is not None:
            model = surrogate
        if self.access in ("scores", "label"):
            settings |= {"query_budget": LIVE_QUERIES, "progress": progress}
        return evasion.ATTACKS[self.attack](model, x, y, **settings)

    def params(self) -> dict[str, str | float | int | None]:
        """Return the dials as plain facts, for the evidence pack."""
        return {
            "access": self.access,
            "attack": self.attack,
            "epsilon": self.epsilon,
            "norm": self.norm.value,
            "steps": self.steps if self.attack == "pgd" else None,
            "target_class": self.target,
        }


def epsilon_range(case: EvasionCase, norm: Norm) -> tuple[float, float, float]:
    """Return the budget in the units of ``norm``, the end of its slider, and the slider's step.

    An L-infinity budget is turned into the L2 length of a change that uses half of it in
    every value, so that both sliders reach from harmless to plain.
    """
    budget = case.threat.epsilon
    if norm is not case.threat.norm:
        side = math.sqrt(math.prod(case.victim.input_shape)) / 2
        budget = round(budget * side if norm is Norm.L2 else budget / side, 3)
    step = 10 ** math.floor(math.log10(budget)) / 20
    return budget, round(2 * budget / step) * step, step


def copy_victim(case: EvasionCase, progress: Progress | None = None) -> tuple[DifferentiableClassifier, int]:
    """Train a copy of the victim on its own answers; return it and the number of questions asked."""
    oracle = Oracle(case.victim)
    module = models.build(case.scenario.victim, case.victim.input_shape, case.victim.classes)
    copy = evasion.distil(
        oracle,
        case.train.x[:SURROGATE_SAMPLES],
        module,
        query_budget=SURROGATE_SAMPLES,
        seed=derive(case.seed, "surrogate"),
        progress=progress,
    )
    return copy, oracle.queries
