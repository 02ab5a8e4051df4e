"""The cascade itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from labkit.attacks import evasion
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, check_batch, predict
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import derive
from labkit.core.threat import ThreatModel
from labkit.metrics.curves import Curve, standing
from labkit.metrics.evaluation.keeping import Kept, fingerprint
from labkit.metrics.evaluation.report import MISREAD_ANYWAY, STANDS, RobustnessReport, StageResult
from labkit.metrics.evaluation.sanity import sanity_checks
from labkit.metrics.evaluation.stages import CASCADE, Stage, usable
from labkit.metrics.rates import Rate
from labkit.models.placing import placed

__all__ = ["robustness"]

Progress = Callable[[int, int, str], None]

_BUDGETS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
_CURVE_STEPS, _CURVE_QUERIES = 20, 200


def robustness(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    threat: ThreatModel,
    *,
    stages: Sequence[Stage] = CASCADE,
    epsilons: Sequence[float] | None = None,
    surrogate: DifferentiableClassifier | None = None,
    sanity: bool = True,
    precision: str = "auto",
    device: str = "auto",
    seed: int = 0,
    resume: Path | str | None = None,
    progress: Progress | None = None,
) -> RobustnessReport:
    """Measure how robust a model is, from the cheapest attack to the costliest.

    Each attack is tried on what the ones before it left standing.  Whether an input is broken is
    judged in 32 bits by the model as it is, and only a legal change counts.

    Parameters
    ----------
    model : Classifier
        The victim; without a gradient only black-box attacks run, and the report says so.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds, and their true classes.
    threat : ThreatModel
        Norm and budget.
    stages : sequence of Stage
        The cascade.
    epsilons : sequence of float, optional
        Budgets of the curve; by default from nothing to twice the budget of ``threat``.
    surrogate : DifferentiableClassifier, optional
        A model of your own; what is made on it is tried on the victim, as one more check.
    sanity : bool
        Make the checks that expose a masked gradient.
    precision : str
        What searches compute in; see :func:`labkit.attacks.evasion.pgd`.
    device : str
        Where a copy of the victim is searched: ``"auto"`` is CUDA when there is one.  The verdict
        is that of ``model``, where it is.
    seed : int
        What every attack's seed is derived from.
    resume : path, optional
        A file in which the state is kept after each attack.  When it is there, the evaluation goes
        on from it.
    progress : function, optional
        ``progress(done, total, message)``; an exception that it raises ends the evaluation, and
        ``resume`` keeps what was done.

    Returns
    -------
    RobustnessReport

    Raises
    ------
    InvalidInputError
        When inputs, labels and model do not fit, no attack can run, or ``resume`` keeps something
        else.

    References
    ----------
    Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
    Parameter-free Attacks", ICML 2020.  https://arxiv.org/abs/2003.01690

    Carlini et al., "On Evaluating Adversarial Robustness", 2019.  https://arxiv.org/abs/1902.06705
    """
    check_batch(model, x, y)
    if len(x) == 0:
        raise InvalidInputError("expected one input or more, got an empty batch")
    if not isinstance(threat, ThreatModel):
        raise InvalidInputError(f"expected threat as ThreatModel(norm, epsilon), got {type(threat).__name__}")
    chosen, left_out = usable(model, threat.norm, stages)
    if not chosen:
        raise InvalidInputError(f"no attack of the cascade can run: {left_out}")
    x = x.detach().contiguous()
    searched = placed(model, device)
    tell = _Telling(progress, len(chosen) + 1 + sanity)
    kept = Kept(resume, fingerprint(model, x, y, threat, chosen, seed, precision) if resume else "")
    right = predict(model, x) == y
    x_adv, broken_by, done = kept.load(x.clone(), torch.where(right, STANDS, MISREAD_ANYWAY))
    for number, stage in list(enumerate(chosen))[len(done) :]:
        left = (broken_by == STANDS).nonzero().flatten()
        given = {
            "seed": derive(seed, "robustness", stage.name),
            "precision": precision,
            "progress": tell.part(number, stage.name),
        }
        found, params = _tried(searched, x[left], y[left], threat, stage, given)
        broken = _broken(model, x[left], found, y[left], threat)
        x_adv[left[broken]], broken_by[left[broken]] = found[broken], number
        done.append(StageResult(stage.name, params, len(left), int(broken.sum())))
        kept.store(x_adv, broken_by, done)
    attack = _quick_attack(model, precision, derive(seed, "curve"))
    curve = _curve(
        model, x, y, threat, broken_by == STANDS, attack, epsilons, tell.part(len(chosen), "curve")
    )
    report = RobustnessReport(
        threat=threat,
        clean=Rate.of(right),
        robust=Rate.of(broken_by == STANDS),
        broken_by=broken_by,
        x_adv=x_adv,
        stages=tuple(done),
        left_out=left_out,
        curve=curve,
        checks=(),
        params={"seed": seed, "precision": precision, "norm": threat.norm.value, "epsilon": threat.epsilon},
    )
    if not sanity:
        return report
    checks = sanity_checks(model, x, y, report, surrogate, precision, tell.part(len(chosen) + 1, "checks"))
    return replace(report, checks=checks)


def _tried(
    model: Classifier, x: Tensor, y: Tensor, threat: ThreatModel, stage: Stage, given: dict[str, Any]
) -> tuple[Tensor, dict[str, Any]]:
    """Run one stage on what is left, which may be nothing; return the inputs and every parameter."""
    taken = {name: value for name, value in given.items() if name in stage.takes}
    if len(x) == 0:
        taken.pop("progress", None)
        return x, {**stage.params, **taken, "epsilon": threat.epsilon, "norm": threat.norm.value}
    adv = stage.attack(model, x, y, epsilon=threat.epsilon, norm=threat.norm, **stage.params, **taken)
    return adv.x_adv, dict(adv.params)


def _broken(model: Classifier, x: Tensor, x_adv: Tensor, y: Tensor, threat: ThreatModel) -> Tensor:
    """Whether each input is misread after a legal change, shape ``(n,)`` bool."""
    if len(x) == 0:
        return torch.zeros(0, dtype=torch.bool)
    return (predict(model, x_adv) != y) & threat.allows(x, x_adv, model.bounds)


def _quick_attack(model: Classifier, precision: str, seed: int) -> Callable[..., AdversarialExamples]:
    """Return the attack that the curve is made with."""
    if isinstance(model, DifferentiableClassifier):
        return partial(evasion.pgd, steps=_CURVE_STEPS, step_decay=True, precision=precision, seed=seed)
    return partial(evasion.square, query_budget=_CURVE_QUERIES, seed=seed)


def _curve(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    threat: ThreatModel,
    stood: Tensor,
    attack: Callable[..., AdversarialExamples],
    epsilons: Sequence[float] | None,
    progress: Progress | None,
) -> Curve:
    """Return the curve of one quick attack, with what the cascade broke counted from its budget on."""
    if epsilons is None:
        epsilons = [share * threat.epsilon for share in _BUDGETS]
    budgets, stands = standing(
        model, x, y, attack=attack, epsilons=epsilons, norm=threat.norm, progress=progress
    )
    rates = [
        Rate.of(row & stood if budget >= threat.epsilon else row)
        for budget, row in zip(budgets, stands, strict=True)
    ]
    return Curve(tuple(budgets), tuple(rates), threat.norm)


class _Telling:
    """Tells how far the whole evaluation is, from how far each part of it is."""

    def __init__(self, progress: Progress | None, parts: int) -> None:
        self._progress, self._parts = progress, parts

    def part(self, number: int, name: str) -> Progress | None:
        """Return what the part of this number tells."""
        if self._progress is None:
            return None
        tell, parts = self._progress, self._parts

        def progress(done: int, total: int, message: str) -> None:
            share = done / max(total, 1)
            tell(round(100 * (number + share)), 100 * parts, f"{name}: {message}")

        return progress
