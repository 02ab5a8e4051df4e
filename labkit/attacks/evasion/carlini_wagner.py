"""The attack of Carlini and Wagner."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from labkit.attacks.evasion._common import (
    Progress,
    check,
    logits_and_gradient,
    margin,
    misread,
    offset,
    per_sample,
)
from labkit.attacks.evasion._nearest import Nearest, budget, check_norm, gain, reached
from labkit.core.checks import length, size, whole
from labkit.core.protocols import Classifier, DifferentiableClassifier, require_differentiable
from labkit.core.rest import at_rest
from labkit.core.results import AdversarialExamples
from labkit.core.threat import Norm

__all__ = ["carlini_wagner"]

_CHECKS = 5  # how often a search looks whether it still gets anywhere
_PACE = 0.5  # learning rate, in units of the mean change of a value
_FIRST = 8.0  # first constant, in units of that which balances both terms on a linear victim
_CLOSE = 1.2  # a constant known within this factor is known well enough


def carlini_wagner(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float = math.inf,
    norm: Norm = Norm.L2,
    steps: int = 20,
    searches: int = 3,
    lr: float | None = None,
    constant: float | None = None,
    confidence: float = 0.0,
    y_target: Tensor | None = None,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Trade the length of the change against the gap to the border, and search for the exchange rate.

    Adam makes ``|delta|^2 + constant * gap`` small, where the gap is how far the logits are
    from being misread by ``confidence``.  After each search the constant of an input is
    lowered if the input was misread, and raised if not.  Whoever gets no further leaves the
    batch.  The box is kept by clipping after each step.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds of the victim, and their true classes.
    epsilon : float
        The result is brought back to within this distance, which may undo it; infinite by
        default, for the attack looks for the smallest change.
    norm : Norm
        L2, the only distance that it measures.
    steps : int
        Steps of Adam in one search.
    searches : int
        How many constants are tried for each input.
    lr : float, optional
        Learning rate of Adam, in the units of ``x``; it falls to nothing within a search.  By
        default it is set for each input: half of what its values would have to change by, on
        average, if the victim were linear.
    constant : float, optional
        First constant; by default that which would be right if the victim were linear.
    confidence : float
        How far beyond the border, in logits, an input has to be to count as misread.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each step.

    Returns
    -------
    AdversarialExamples
        The nearest misread input that was seen.  An input that is misread as it is, or that
        nothing was found for, comes back as it was.

    References
    ----------
    Carlini & Wagner, "Towards Evaluating the Robustness of Neural Networks", IEEE S&P 2017.
    https://arxiv.org/abs/1608.04644
    """
    limit = budget(epsilon)
    x, _, norm = check(model, x, y, 0.0, norm, y_target)
    check_norm("carlini_wagner", norm, (Norm.L2,), "use fab for linf and l1")
    steps, searches = whole("steps", steps), whole("searches", searches)
    lr, confidence = None if lr is None else size("lr", lr), length("confidence", confidence)
    constant = None if constant is None else size("constant", constant)
    search = _Search(require_differentiable(model, "carlini_wagner"), x, y, y_target, confidence, steps, lr)
    with at_rest(model):
        search.run(searches, constant, progress)
        search.nearest.back_to_border(model, y, y_target, confidence)
    if progress is not None:
        progress(searches * steps, searches * steps, "Carlini & Wagner")
    settings = {
        "steps": steps,
        "searches": searches,
        "lr": lr,
        "constant": constant,
        "confidence": confidence,
    }
    return search.nearest.result(model, y, y_target, limit, "carlini_wagner", settings)


class _Search:
    """The search of one batch."""

    def __init__(
        self,
        model: DifferentiableClassifier,
        x: Tensor,
        y: Tensor,
        y_target: Tensor | None,
        confidence: float,
        steps: int,
        lr: float | None,
    ) -> None:
        self.model, self.x, self.y, self.y_target = model, x, y, y_target
        self.confidence, self.steps = confidence, steps
        self.lr = lr
        self.nearest = Nearest(x, Norm.L2)
        self.gradients = 0

    def run(self, searches: int, constant: float | None, progress: Progress | None) -> None:
        """Try constants until they are known well enough for everybody."""
        left = torch.nonzero(~misread(self.model.logits(self.x), self.y, self.y_target)).flatten()
        if len(left) == 0:
            return
        least, most = torch.zeros(len(self.x)), torch.full((len(self.x),), torch.inf)
        now = torch.ones(len(self.x))
        self.pace, balance = self._linear(left)
        now[left] = balance if constant is None else constant
        for number in range(searches):
            tell = offset(progress, number * self.steps, searches * self.steps)
            good = self._descend(left, now[left], tell)
            most[left] = torch.where(good, now[left], most[left])
            least[left] = torch.where(good, least[left], now[left])
            middle = (least * most).sqrt()
            now = torch.where(most == torch.inf, least * 10, torch.where(least == 0, most / 4, middle))
            left = left[(most > _CLOSE * least)[left]]
            if len(left) == 0:
                return

    def _linear(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the learning rates and the constants that suit a linear victim, both ``(n,)``.

        There the distance is the gap over the length of the gradient, and the two terms
        balance at twice the gap over its square.
        """
        logits, gradient = self._look(self.x[rows], rows)
        gap = (self.confidence - gain(logits, self.y[rows], self._target(rows))).clamp_min(1e-6)
        steepness = gradient.flatten(1).norm(dim=1).clamp_min(1e-9)
        pace = torch.full((len(self.x),), self.lr or 0.0)
        if self.lr is None:
            low, high = self.model.bounds
            even = gap / steepness / gradient[0].numel() ** 0.5
            pace[rows] = (_PACE * even).clamp_max(0.1 * (high - low))
        return pace, _FIRST * 2 * gap / steepness.square()

    def _descend(self, rows: Tensor, constant: Tensor, progress: Progress | None) -> Tensor:
        """Run Adam from the nearest find; return for which inputs anything was misread, ``(n,)`` bool."""
        good = torch.zeros(len(rows), dtype=torch.bool)
        here = self.nearest.x_adv[rows].clone()
        first, second = torch.zeros_like(here), torch.zeros_like(here)
        before = torch.full((len(rows),), torch.inf)
        left = torch.arange(len(rows))
        for step in range(1, self.steps + 1):
            at = here[left]
            logits, climb = self._look(at, rows[left])
            target = self._target(rows[left])
            misread_now = reached(logits, self.y[rows[left]], target, self.confidence)
            self.nearest.offer(rows[left], at, misread_now)
            good[left] |= misread_now
            gap = (self.confidence - gain(logits, self.y[rows[left]], target)).clamp_min(0.0)
            way = at - self.x[rows[left]]
            slope = 2 * way - per_sample(constant[left] * (gap > 0), at) * climb
            first[left] = 0.9 * first[left] + 0.1 * slope
            second[left] = 0.999 * second[left] + 0.001 * slope.square()
            speed = per_sample(self.pace[rows[left]] * (1 - (step - 1) / self.steps), at)
            move = (first[left] / (1 - 0.9**step)) / ((second[left] / (1 - 0.999**step)).sqrt() + 1e-8)
            here[left] = (at - speed * move).clamp(*self.model.bounds)
            if step % max(1, self.steps // _CHECKS) == 0:
                cost = way.flatten(1).square().sum(1) + constant[left] * gap
                stays = cost < 0.9999 * before[left]
                before[left] = cost
                left = left[stays]
            if progress is not None:
                progress(step, self.steps, f"Carlini & Wagner, {int(self.nearest.found.sum())} found")
            if len(left) == 0:
                break
        return good

    def _look(self, at: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.gradients += len(at)
        return logits_and_gradient(self.model, at, self.y[rows], self._target(rows), margin)

    def _target(self, rows: Tensor) -> Tensor | None:
        return None if self.y_target is None else self.y_target[rows]
