"""Square attack: scores only, one square patch at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.evasion._common import Progress, attacks_at_rest, check, margin, misread, per_sample
from labkit.attacks.evasion._nearest import check_norm
from labkit.attacks.evasion._patches import first_guess, proposal
from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["square"]

# After these shares of 10,000 queries the paper halves the size of the patch.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@attacks_at_rest
def square(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    query_budget: int = 500,
    first_patch: float = 0.8,
    y_target: Tensor | None = None,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Random search over square patches at the edge of the ball, kept when the scores say so.

    It asks for scores and needs no gradient.  An input that is misread is asked about no
    more, so easy inputs cost few queries.

    Parameters
    ----------
    model : Classifier
        The victim, or an :class:`labkit.attacks.Oracle` around it.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs and their true classes; inputs without height and width are searched
        in segments.
    epsilon : float
        Perturbation budget in the units of ``x``.
    norm : Norm
        Distance that the budget is measured in.
    query_budget : int
        Queries for each input, the first one about the starting point included.
    first_patch : float
        Share of the image that the first patches cover.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.
    seed : int or torch.Generator
        What the patches are drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)``.

    Returns
    -------
    AdversarialExamples
        ``queries`` says how often the victim was asked about each input.

    References
    ----------
    Andriushchenko et al., "Square Attack", ECCV 2020.  https://arxiv.org/abs/1912.00049
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm, y_target)
    check_norm("square", norm, (Norm.LINF, Norm.L2), "use pgd or fab for the others")
    query_budget = whole("query_budget", query_budget)
    if not 0 < length("first_patch", first_patch) <= 1:
        raise InvalidInputError(f"expected first_patch as a share above 0 and up to 1, got {first_patch}")
    generator = make_generator(seed)
    shape = _as_image(x)
    clean = x.reshape(len(x), *shape)
    best = first_guess(clean, epsilon, norm, generator).clamp(*model.bounds)
    goal = y if y_target is None else y_target
    sign = 1.0 if y_target is None else -1.0

    def ask(images: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        logits = model.logits(images.reshape(len(images), *x.shape[1:]))
        target = None if y_target is None else y_target[rows]
        return sign * margin(logits, goal[rows]), misread(logits, y[rows], target)

    everything = torch.arange(len(x))
    score, done = ask(best, everything)
    queries = torch.ones(len(x), dtype=torch.int64)
    left = everything[~done]
    for turn in range(1, query_budget):
        if len(left) == 0:
            break
        side = _side(turn / query_budget, first_patch, shape)
        trial = proposal(best[left], clean[left], epsilon, norm, side, generator).clamp(*model.bounds)
        value, done = ask(trial, left)
        queries[left] += 1
        better = value > score[left]
        best[left] = torch.where(per_sample(better | done, trial), trial, best[left])
        score[left] = torch.where(better, value, score[left])
        left = left[~done]
        if progress is not None and turn % 25 == 0:
            progress(turn, query_budget, f"square, {len(x) - len(left)} of {len(x)} misread")
    if progress is not None:
        progress(query_budget, query_budget, f"square, {len(x) - len(left)} of {len(x)} misread")
    return AdversarialExamples(
        x=x,
        x_adv=best.reshape(x.shape),
        y=y,
        attack="square",
        params={
            "epsilon": epsilon,
            "norm": norm.value,
            "query_budget": query_budget,
            "first_patch": first_patch,
            "seed": seed if isinstance(seed, int) else None,
        },
        y_target=y_target,
        queries=queries,
    )


def _as_image(x: Tensor) -> tuple[int, int, int]:
    """Return ``(channels, height, width)``; a vector counts as an image one pixel high."""
    if x.dim() == 4:
        return int(x.shape[1]), int(x.shape[2]), int(x.shape[3])
    return 1, 1, int(x[0].numel())


def _side(spent: float, first_patch: float, shape: tuple[int, int, int]) -> int:
    """Return the side of the patch after a share ``spent`` of the queries, at least one pixel."""
    share = first_patch / 2 ** sum(spent * 10_000 >= mark for mark in _HALVINGS)
    _, height, width = shape
    side = (share * height * width) ** 0.5 if height > 1 else share * width
    return max(1, round(side))
