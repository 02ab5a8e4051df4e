"""Three players of the guided tour: one who knows how, one who does nothing, one who is lazy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.attacks import evasion
from labkit.core import derive
from labkit.course.cases.evasion import EvasionCase
from labkit.metrics import clean_accuracy

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: EvasionCase) -> Handed:
    """Play the tour as the solution notebook does."""
    yield "baseline", {"reported_accuracy": clean_accuracy(case.victim, case.x, case.y).value}
    adv = evasion.fgsm(case.victim, case.x, case.y, epsilon=case.threat.epsilon, norm=case.threat.norm)
    yield "first-flip", {"x_adv": adv.x_adv}


def nothing(case: EvasionCase) -> Handed:
    """Report nothing, and hand in what was issued."""
    yield "baseline", {"reported_accuracy": 0.0}
    yield "first-flip", {"x_adv": case.x}


def lazy(case: EvasionCase) -> Handed:
    """Guess a round figure, and use noise instead of the gradient."""
    yield "baseline", {"reported_accuracy": 0.9}
    noisy = evasion.random_noise(
        case.victim,
        case.x,
        case.y,
        epsilon=case.threat.epsilon,
        norm=case.threat.norm,
        seed=derive(case.seed, "lazy bot"),
    )
    yield "first-flip", {"x_adv": noisy.x_adv}
