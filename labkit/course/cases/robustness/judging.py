"""What the judge measures on inputs that were not issued: attacks and certificates of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor

from labkit.attacks import evasion
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import predict
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.shelf import Progress
from labkit.data import Split
from labkit.defenses.certification import Certificates, SmoothedClassifier, certify_intervals, model_digest
from labkit.metrics import Rate
from labkit.models import TorchClassifier

__all__ = [
    "MOST_COPIES",
    "Held",
    "held_up",
    "kept_back",
    "left_of_run",
    "proven",
    "smoothed_model",
    "standing_after",
    "voted",
]

STEPS = 40
MOST_COPIES = 2000
"""Noisy copies of each input that the judge is ready to look at."""

_SCAN = 0.02  # every value of an input that is kept back moves by up to so much: nobody has seen it
_ASKED = 40  # inputs that the black-box attack is tried on
_REMEMBERED = 24


@dataclass(frozen=True, slots=True)
class Held:
    """What is left of a network on the inputs that are kept back.

    Attributes
    ----------
    clean, robust : Rate
        Accuracy without an attack and under the strongest of the judge's.
    one_step : float
        Accuracy under FGSM alone.
    black_box, gradient : float
        Accuracy under the square attack, which needs no gradient, and under PGD on the same
        inputs: less in the first means that the gradient is hidden.
    """

    clean: Rate
    robust: Rate
    one_step: float
    black_box: float
    gradient: float


def kept_back(case: RobustnessCase) -> Split:
    """Return the inputs that were not issued, scanned anew for this variant."""
    test = case.dataset.test
    issued = {part.numpy().tobytes() for part in case.x}
    left = [i for i, part in enumerate(test.x) if part.numpy().tobytes() not in issued]
    generator = make_generator(derive(case.seed, "scan", case.scenario.id))
    x = test.x[left]
    moved = x + _SCAN * (2 * torch.rand(x.shape, generator=generator) - 1)
    return Split(moved.clamp(*case.victim.bounds), test.y[left])


def held_up(case: RobustnessCase, model: TorchClassifier) -> Held:
    """Attack a network as the judge does; the same network is attacked once."""
    return _remembered(case, "held", model_digest(model.module), lambda: _held_up(case, model))


def _held_up(case: RobustnessCase, model: TorchClassifier) -> Held:
    held = kept_back(case)
    clean = predict(model, held.x) == held.y
    stands = clean & standing_after(case, model, held)
    some = slice(0, _ASKED)
    asked = evasion.square(
        model,
        held.x[some],
        held.y[some],
        epsilon=case.threat.epsilon,
        norm=case.threat.norm,
        query_budget=100,
        seed=derive(case.seed, "judge", "square"),
    )
    boxed = predict(model, asked.x_adv) == held.y[some]
    gradient = float(stands[some].float().mean())
    stands[some] &= boxed  # what any attack breaks is broken
    one = evasion.fgsm(model, held.x, held.y, epsilon=case.threat.epsilon, norm=case.threat.norm).x_adv
    return Held(
        clean=Rate.of(clean),
        robust=Rate.of(stands),
        one_step=float((predict(model, one) == held.y).float().mean()),
        black_box=float(boxed.float().mean()),
        gradient=gradient,
    )


def standing_after(case: RobustnessCase, model: TorchClassifier, split: Split, steps: int = STEPS) -> Tensor:
    """Return which inputs are still read correctly after PGD, ``(n,)`` bool.

    It climbs two losses.  A network whose scores are large answers with probabilities that
    have no slope left, and the cross-entropy goes blind; the margin of the scores does not.
    """
    stands = torch.ones(len(split), dtype=torch.bool)
    for loss in ("cross_entropy", "margin"):
        adv = evasion.pgd(
            model,
            split.x,
            split.y,
            epsilon=case.threat.epsilon,
            norm=case.threat.norm,
            steps=steps,
            loss=loss,
            seed=derive(case.seed, "judge", loss),
        )
        stands &= predict(model, adv.x_adv) == split.y
    return stands


@lru_cache(maxsize=32)
def left_of_run(case: RobustnessCase, run: int) -> tuple[float, float]:
    """Return what FGSM and what PGD leave of a contractor's network, on the issued inputs.

    Its network is not the participant's, so there is nothing that could be fitted to them; and
    who measures carefully finds the same.
    """
    model, inputs = case.runs[run].model, Split(case.x, case.y)
    one = evasion.fgsm(model, case.x, case.y, epsilon=case.threat.epsilon, norm=case.threat.norm).x_adv
    one_step = float((predict(model, one) == case.y).float().mean())
    return one_step, float(standing_after(case, model, inputs).float().mean())


def smoothed_model(
    case: RobustnessCase, model: TorchClassifier, noise_std: float, n: int
) -> SmoothedClassifier:
    """Return the smoothed classifier that is certified, at the confidence of the scenario.

    Raises
    ------
    InvalidInputError
        When the noise or the number of copies is out of range.
    """
    if not 0.01 <= float(noise_std) <= 2:
        raise InvalidInputError(f"expected noise_std from 0.01 to 2, in the units of x; got {noise_std}")
    if not 50 <= int(n) <= MOST_COPIES:
        raise InvalidInputError(f"expected n from 50 to {MOST_COPIES} noisy copies, got {n}")
    return SmoothedClassifier(model, float(noise_std), n=int(n), confidence=case.setting("confidence"))


def voted(
    case: RobustnessCase,
    model: TorchClassifier,
    noise_std: float,
    n: int,
    progress: Progress | None = None,
) -> Certificates:
    """Certify a smoothed network on the inputs that are kept back, with noise of the judge's."""
    smoothed = smoothed_model(case, model, noise_std, n)
    key = f"{model_digest(model.module)} {float(noise_std)} {int(n)}"
    return _remembered(
        case,
        "voted",
        key,
        lambda: smoothed.certify(
            kept_back(case).x, seed=derive(case.seed, "judge", "smoothing"), progress=progress
        ),
    )


def proven(case: RobustnessCase, model: TorchClassifier) -> Certificates:
    """Certify a network by intervals on the inputs that are kept back."""
    return _remembered(
        case, "proven", model_digest(model.module), lambda: certify_intervals(model, kept_back(case).x)
    )


_FOUND: dict[tuple[object, ...], Any] = {}
_T = TypeVar("_T")


def _remembered(case: RobustnessCase, what: str, of: str, make: Callable[[], _T]) -> _T:
    """Return what ``make()`` made for this variant before, or makes now."""
    key = (what, case.scenario.id, case.seed, of)
    if key not in _FOUND:
        while len(_FOUND) >= _REMEMBERED:
            _FOUND.pop(next(iter(_FOUND)))
        _FOUND[key] = make()
    found: _T = _FOUND[key]
    return found
