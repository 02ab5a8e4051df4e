"""Ways to put a defended model to the test, each with what its figure tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from labkit.attacks import evasion
from labkit.core import AdversarialExamples, DifferentiableClassifier, ThreatModel, derive, predict
from labkit.course.cases.evasion import EvasionCase
from labkit.metrics import Rate, robust_accuracy
from labkit.ui.evasion.common import with_gradient
from labkit.ui.work import Progress

__all__ = ["PROBES", "Probe", "run_probe"]

_BLACK_BOX_SAMPLES = 50
_LARGE = 0.9


@dataclass(frozen=True, slots=True)
class Probe:
    """One way to measure the robust accuracy of the secure model.

    Attributes
    ----------
    key, title : str
        Id, and name in the panel.
    tip : str
        What is done.
    lesson : str
        What the figure can tell, and what it cannot.
    attack : function
        ``(case, progress) -> AdversarialExamples``.
    samples : int or None
        Number of inputs that are attacked, None for all.
    epsilon : float or None
        Another budget than the scenario's.
    """

    key: str
    title: str
    tip: str
    lesson: str
    attack: Callable[[EvasionCase, Tensor, Tensor, float, Progress], AdversarialExamples]
    samples: int | None = None
    epsilon: float | None = None


def run_probe(case: EvasionCase, probe: Probe, progress: Progress) -> Rate:
    """Return the accuracy that ``probe`` leaves to the secure model."""
    some = slice(None, probe.samples)
    epsilon = case.threat.epsilon if probe.epsilon is None else probe.epsilon
    adv = probe.attack(case, case.x[some], case.y[some], epsilon, progress)
    return robust_accuracy(case.secure, adv, ThreatModel(case.threat.norm, epsilon))


def survivors(case: EvasionCase, progress: Progress) -> Rate:
    """Return the accuracy that is left when every gradient attack here has had its turn."""
    through = with_gradient(case.secure)
    turns: Sequence[tuple[DifferentiableClassifier, str]] = (
        (through, "cross_entropy"),
        (through, "margin"),
        (case.victim, "cross_entropy"),
    )
    stands = predict(case.secure, case.x) == case.y
    for i, (target, loss) in enumerate(turns):
        progress(i, len(turns), "Attacks done")
        settings = _settings(case, case.threat.epsilon, f"survivors {i}")
        adv = evasion.pgd(target, case.x, case.y, steps=40, restarts=2, loss=loss, **settings)
        legal = case.threat.allows(case.x, adv.x_adv, case.secure.bounds)
        stands &= (predict(case.secure, adv.x_adv) == case.y) | ~legal
    return Rate.of(stands)


def _settings(case: EvasionCase, epsilon: float, label: str) -> dict[str, Any]:
    return {"epsilon": epsilon, "norm": case.threat.norm, "seed": derive(case.seed, "probe", label)}


def _naive(
    case: EvasionCase, x: Tensor, y: Tensor, epsilon: float, progress: Progress
) -> AdversarialExamples:
    settings = _settings(case, epsilon, "naive")
    return evasion.pgd(case.victim, x, y, steps=40, progress=progress, **settings)


def _more(case: EvasionCase, x: Tensor, y: Tensor, epsilon: float, progress: Progress) -> AdversarialExamples:
    settings = _settings(case, epsilon, "naive")
    return evasion.pgd(case.victim, x, y, steps=200, progress=progress, **settings)


def _bpda(case: EvasionCase, x: Tensor, y: Tensor, epsilon: float, progress: Progress) -> AdversarialExamples:
    through = with_gradient(case.secure)
    return evasion.pgd(through, x, y, steps=40, progress=progress, **_settings(case, epsilon, "bpda"))


def _square(
    case: EvasionCase, x: Tensor, y: Tensor, epsilon: float, progress: Progress
) -> AdversarialExamples:
    settings = _settings(case, epsilon, "square")
    return evasion.square(case.secure, x, y, query_budget=200, progress=progress, **settings)


def _noise(
    case: EvasionCase, x: Tensor, y: Tensor, epsilon: float, progress: Progress
) -> AdversarialExamples:
    return evasion.random_noise(case.secure, x, y, **_settings(case, epsilon, "noise"))


PROBES: Sequence[Probe] = (
    Probe(
        "noise",
        "Random noise",
        "Every value moves at random",
        "Noise hardly ever finds a weakness. If a gradient attack does no better than this, it is blind.",
        _noise,
    ),
    Probe(
        "naive",
        "PGD-40 on a substitute",
        "The pictures are made on a model without the filter and tried on the one with it",
        "An upper limit: whoever knows the filter does at least as well.",
        _naive,
    ),
    Probe(
        "more-steps",
        "The same with 200 steps",
        "Five times the work on the same substitute",
        "More work on the wrong gradient does not make it right.",
        _more,
    ),
    Probe(
        "black-box",
        "Square, 200 questions",
        "Needs no gradient; the first 50 pictures only",
        "A black-box attack that beats a white-box one is the plainest sign of a masked gradient.",
        _square,
        samples=_BLACK_BOX_SAMPLES,
    ),
    Probe(
        "bpda",
        "BPDA: PGD-40 through the filter",
        "The filter stays on the way forward and is skipped on the way back",
        "An attack made for this defense. Count what survives this and the substitute attack together.",
        _bpda,
    ),
    Probe(
        "large",
        f"BPDA at epsilon {_LARGE:g}",
        "A budget at which any picture can become any other",
        "Has to come out near zero. If it does not, the evaluation is broken.",
        _bpda,
        epsilon=_LARGE,
    ),
)
