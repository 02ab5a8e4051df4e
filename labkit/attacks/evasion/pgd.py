"""Projected gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.evasion._common import (
    Progress,
    check,
    find_loss,
    inside,
    offset,
    per_sample,
)
from labkit.attacks.evasion.noise import noise_of_size
from labkit.attacks.evasion.searching import Search
from labkit.core.checks import length, whole
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["pgd"]


def pgd(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    step_size: float | None = None,
    step_decay: bool = False,
    steps: int = 40,
    restarts: int = 1,
    random_start: bool = True,
    early_stop: bool = True,
    y_target: Tensor | None = None,
    loss: str = "cross_entropy",
    precision: str = "float32",
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Many small steps uphill on the loss, each projected back into the ball and the box.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds of the victim, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x``.
    norm : Norm
        Distance that the budget is measured in.
    step_size : float, optional
        Length of one step; ``2.5 * epsilon / steps`` by default, enough to cross the ball,
        and ``2 * epsilon`` where it decays.
    step_decay : bool
        Let the step shrink linearly to nothing within a run.  Long steps look around, short
        ones settle: usually stronger, with fewer steps.
    steps, restarts : int
        Steps of one run, and runs from different starting points.
    random_start : bool
        Start anywhere in the ball instead of at ``x``.
    early_stop : bool
        Stop working on inputs that are misread already; the batch shrinks to those that
        still stand.  It changes the time and, within a run, nothing about what is broken.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.
    loss : str
        ``"cross_entropy"``, ``"margin"`` or ``"dlr"``.
    precision : str
        What the search computes in: ``"float32"``, ``"bfloat16"`` or ``"auto"`` (16 bits where the
        processor gains from them).  Whether an input is misread is always judged in 32 bits by the
        model as it is.
    seed : int or torch.Generator
        What the starting points are drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each step.

    Returns
    -------
    AdversarialExamples
        For each input the first iterate that the victim misread, else the last one.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks",
    ICLR 2018.  https://arxiv.org/abs/1706.06083
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm, y_target)
    steps, restarts = whole("steps", steps), whole("restarts", restarts)
    if step_size is None:
        # In L0 a step is as long as a value may move, for the budget only counts values.
        reach = model.bounds[1] - model.bounds[0] if norm is Norm.L0 else epsilon
        step_size = 2 * reach if step_decay else 2.5 * reach / steps
    step_size = length("step_size", step_size)
    sizes = [step_size * (1 - step / steps if step_decay else 1) for step in range(steps)]
    search = Search(require_differentiable(model, "pgd"), precision)
    run = _Run(search, epsilon, norm, sizes, early_stop, loss)
    generator = make_generator(seed)
    x_adv = x.clone()
    left = torch.arange(len(x))
    if early_stop:
        # What is misread as it is needs no attack, and a random start might even repair it.
        left = left[~search.judge(x, y, y_target)]
    for restart in range(restarts if len(left) else 0):
        target = None if y_target is None else y_target[left]
        start = _starting_point(x[left], epsilon, norm, generator) if random_start else x[left]
        start = inside(x[left], start - x[left], epsilon, norm, model.bounds)
        tell = offset(progress, restart * steps, restarts * steps)
        x_adv[left], broken = run(x[left], start, y[left], target, tell)
        left = left[~broken]
        if len(left) == 0:
            break
    if progress is not None:
        progress(restarts * steps, restarts * steps, "PGD")
    return AdversarialExamples(
        x=x,
        x_adv=x_adv,
        y=y,
        attack="pgd",
        params={
            "epsilon": epsilon,
            "norm": norm.value,
            "step_size": step_size,
            "step_decay": step_decay,
            "steps": steps,
            "restarts": restarts,
            "random_start": random_start,
            "early_stop": early_stop,
            "loss": loss,
            "precision": search.precision,
            "seed": seed if isinstance(seed, int) else None,
        },
        y_target=y_target,
    )


class _Run:
    """One run of PGD with fixed settings."""

    def __init__(
        self,
        search: Search,
        epsilon: float,
        norm: Norm,
        sizes: list[float],
        early_stop: bool,
        loss: str,
    ) -> None:
        self.search, self.epsilon, self.norm, self.sizes = search, epsilon, norm, sizes
        self.early_stop, self.loss = early_stop, find_loss(loss)

    def __call__(
        self, x: Tensor, start: Tensor, y: Tensor, y_target: Tensor | None, progress: Progress | None
    ) -> tuple[Tensor, Tensor]:
        """Return the results and which of them the victim misreads, shapes ``(n, ...)`` and ``(n,)``."""
        result, broken = start.clone(), torch.zeros(len(x), dtype=torch.bool)
        left = torch.arange(len(x))
        for step, size in enumerate(self.sizes, start=1):
            target = None if y_target is None else y_target[left]
            here = result[left]
            logits, _, gradient = self.search(here, y[left], target, self.loss)
            done = self.search.confirmed(logits, here, y[left], target)
            broken[left] = done
            moved = here + size * self.norm.steepest(gradient)
            moved = inside(x[left], moved - x[left], self.epsilon, self.norm, self.search.model.bounds)
            keep = done if self.early_stop else torch.zeros_like(done)
            result[left] = torch.where(per_sample(keep, here), here, moved)
            left = left[~keep]
            if progress is not None:
                progress(step, len(self.sizes), f"PGD, {int(len(x) - len(left))} of {len(x)} misread")
            if len(left) == 0:
                return result, broken
        target = None if y_target is None else y_target[left]
        broken[left] = self.search.judge(result[left], y[left], target)
        return result, broken


def _starting_point(x: Tensor, epsilon: float, norm: Norm, generator: torch.Generator) -> Tensor:
    """Return points drawn from the ball around ``x``: uniform for L-infinity, uniform radius for L2 and L1.

    For L0 every value is drawn; the projection that follows keeps as many as are allowed.
    """
    if norm in (Norm.LINF, Norm.L0):
        reach = epsilon if norm is Norm.LINF else 1.0
        return x + reach * (2 * torch.rand(x.shape, generator=generator, dtype=x.dtype) - 1)
    if norm is Norm.L1:
        direction = noise_of_size(x, 1.0, norm, generator)
    else:
        direction = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    radius = epsilon * torch.rand(len(x), generator=generator, dtype=x.dtype)
    return x + per_sample(radius / norm.size(direction).clamp_min(1e-12), x) * direction
