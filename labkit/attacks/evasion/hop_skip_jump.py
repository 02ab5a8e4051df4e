"""HopSkipJump: labels only, walking along the border of the decision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from labkit.attacks.evasion._common import Progress, attacks_at_rest, check, inside
from labkit.attacks.evasion._nearest import check_norm
from labkit.core.checks import whole
from labkit.core.protocols import Classifier, predict
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["hop_skip_jump"]

_STARTS = 25  # random pictures tried before giving up on an input
_HALVINGS = 12  # queries of one search for the border


@attacks_at_rest
def hop_skip_jump(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float = math.inf,
    norm: Norm = Norm.L2,
    query_budget: int = 500,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Start from any misread picture and walk along the border towards the input.

    Only the label of each answer is used.  Near the border the share of misread random
    probes estimates its normal; a step along it, and a search back to the border, bring the
    picture closer.

    Parameters
    ----------
    model : Classifier
        The victim, or an :class:`labkit.attacks.Oracle` around it.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs and their true classes.
    epsilon : float
        The result is brought back to within this distance, which may undo it; infinite by
        default, for then the attack looks for the smallest change.
    norm : Norm
        Distance that is made small.
    query_budget : int
        Queries for each input.
    seed : int or torch.Generator
        What the starting pictures and probes are drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each input.

    Returns
    -------
    AdversarialExamples
        ``queries`` says how often the victim was asked about each input.  An input that no
        starting picture was found for comes back as it was.

    References
    ----------
    Chen, Jordan & Wainwright, "HopSkipJumpAttack", IEEE S&P 2020.
    https://arxiv.org/abs/1904.02144
    """
    bounded = epsilon != math.inf
    x, budget, norm = check(model, x, y, epsilon if bounded else 0.0, norm)
    check_norm("hop_skip_jump", norm, (Norm.LINF, Norm.L2), "use pgd or fab for the others")
    query_budget = whole("query_budget", query_budget)
    generator = make_generator(seed)
    x_adv, queries = x.clone(), torch.zeros(len(x), dtype=torch.int64)
    for index in range(len(x)):
        walk = _Walk(model, x[index], int(y[index]), norm, query_budget, generator)
        x_adv[index] = walk.run()
        queries[index] = walk.asked
        if progress is not None:
            progress(index + 1, len(x), "HopSkipJump")
    if bounded:
        x_adv = inside(x, x_adv - x, budget, norm, model.bounds)
    return AdversarialExamples(
        x=x,
        x_adv=x_adv,
        y=y,
        attack="hop_skip_jump",
        params={
            "epsilon": budget if bounded else None,
            "norm": norm.value,
            "query_budget": query_budget,
            "seed": seed if isinstance(seed, int) else None,
        },
        queries=queries,
    )


class _Spent(Exception):  # noqa: N818 - the end of a walk, not an error
    """The queries for this input are used up."""


class _Walk:
    """The attack on one input."""

    def __init__(
        self, model: Classifier, x: Tensor, y: int, norm: Norm, budget: int, generator: torch.Generator
    ) -> None:
        self.model, self.x, self.y, self.norm, self.budget = model, x, y, norm, budget
        self.generator = generator
        self.asked = 0
        self.best = x.clone()

    def run(self) -> Tensor:
        """Return the nearest misread picture that was found within the budget."""
        try:
            if self._misread(self.x[None])[0]:
                return self.best
            start = self._start()
            if start is not None:
                self._walk(self._to_border(start))
        except _Spent:
            pass
        return self.best

    def _misread(self, batch: Tensor) -> Tensor:
        if self.asked + len(batch) > self.budget:
            raise _Spent
        self.asked += len(batch)
        answer = predict(self.model, batch) != self.y
        for picture in batch[answer]:
            if torch.equal(self.best, self.x) or self._distance(picture) < self._distance(self.best):
                self.best = picture.clone()
        return answer

    def _distance(self, picture: Tensor) -> float:
        return float(self.norm.size((picture - self.x)[None]))

    def _start(self) -> Tensor | None:
        low, high = self.model.bounds
        for _ in range(_STARTS):
            noise = low + (high - low) * torch.rand(self.x.shape, generator=self.generator)
            if self._misread(noise[None])[0]:
                return noise
        return None

    def _blend(self, outside: Tensor, share: float) -> Tensor:
        """Return the picture a ``share`` of the way from ``x`` to ``outside``."""
        if self.norm is Norm.L2:
            return self.x + share * (outside - self.x)
        reach = share * self._distance(outside)
        return self.x + (outside - self.x).clamp(-reach, reach)

    def _to_border(self, outside: Tensor) -> Tensor:
        """Return a misread picture just outside the border, between ``x`` and ``outside``."""
        near, far = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            if self._misread(self._blend(outside, middle)[None])[0]:
                far = middle
            else:
                near = middle
        return self._blend(outside, far)

    def _walk(self, border: Tensor) -> None:
        turn = 1
        while True:
            step = self._distance(border) / math.sqrt(turn)
            direction = self.norm.steepest(self._normal(border, turn)[None])[0]
            while True:
                trial = (border + step * direction).clamp(*self.model.bounds)
                if self._misread(trial[None])[0]:
                    break
                step /= 2
                if step < 1e-6:
                    return
            border = self._to_border(trial)
            turn += 1

    def _normal(self, border: Tensor, turn: int) -> Tensor:
        """Estimate the normal of the border by random probes (equation 9 of the paper)."""
        size = border.numel()
        probes = min(int(20 * math.sqrt(turn)), max(1, (self.budget - self.asked) // 2))
        reach = self._distance(border) / math.sqrt(size)
        noise = torch.randn((probes, *border.shape), generator=self.generator)
        noise = noise / noise.flatten(1).norm(dim=1).view(-1, *[1] * border.dim())
        batch = (border + reach * noise).clamp(*self.model.bounds)
        signs = self._misread(batch).float() * 2 - 1
        centred = signs - signs.mean() if signs.abs().mean() != signs.mean().abs() else signs
        return (centred.view(-1, *[1] * border.dim()) * (batch - border)).mean(0)
