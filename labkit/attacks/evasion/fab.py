"""Fast Adaptive Boundary attack."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from labkit.attacks.evasion._common import Progress, check, misread, offset, per_sample
from labkit.attacks.evasion._nearest import Nearest, budget, check_norm, reached
from labkit.attacks.evasion._planes import nearest_plane, way_to_plane
from labkit.attacks.evasion.noise import noise_of_size
from labkit.core.checks import length, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, require_differentiable
from labkit.core.rest import at_rest
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["fab"]

_RADIUS = {Norm.LINF: 0.3, Norm.L2: 1.0, Norm.L1: 5.0}
"""How far a restart begins from an input that nothing was found for yet."""


def fab(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float = math.inf,
    norm: Norm = Norm.LINF,
    steps: int = 20,
    restarts: int = 1,
    aims: int | None = None,
    candidates: int = 4,
    most_back: float = 0.1,
    overshoot: float = 0.05,
    shrink: float = 0.9,
    y_target: Tensor | None = None,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Walk along the border of a linear copy of the victim, pulled towards the input all the time.

    Each step goes to the nearest border plane, mixed with the point of that plane that is
    nearest to the input; whenever the border is crossed, the change is shortened.  It has no
    step size to be chosen.

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
        Distance that is made small: L-infinity, L2 or L1.
    steps, restarts : int
        Steps of one run, and runs; the first begins at the input, others near it.
    aims : int, optional
        Aim at each of this many most likely other classes in turn, with one gradient a step
        (FAB-T of the paper); None looks at the borders to ``candidates`` classes in each step.
    candidates : int
        Borders to this many most likely other classes are looked at in each step; each costs
        a gradient.
    most_back : float
        Largest share of the point nearest to the input in a step, from 0 to 1.
    overshoot : float
        Share of each step that is added to it, to get across.
    shrink : float
        What is left of a change once the border is crossed, above 0 and below 1.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.
    seed : int or torch.Generator
        What the starting points of restarts are drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each step.

    Returns
    -------
    AdversarialExamples
        An input that is misread as it is, or whose border was not found, comes back as it was.

    References
    ----------
    Croce & Hein, "Minimally Distorted Adversarial Examples with a Fast Adaptive Boundary
    Attack", ICML 2020.  https://arxiv.org/abs/1907.02044
    """
    limit = budget(epsilon)
    x, _, norm = check(model, x, y, 0.0, norm, y_target)
    check_norm("fab", norm, tuple(_RADIUS), "use pgd for l0")
    steps, restarts = whole("steps", steps), whole("restarts", restarts)
    aims = None if aims is None else whole("aims", aims)
    pace = _Pace(
        whole("candidates", candidates),
        _share("most_back", most_back),
        length("overshoot", overshoot),
        _share("shrink", size("shrink", shrink)),
    )
    victim, generator = require_differentiable(model, "fab"), make_generator(seed)
    nearest = Nearest(x, norm)
    with at_rest(model):
        logits = model.logits(x)
        left = torch.nonzero(~misread(logits, y, y_target)).flatten()
        runs = _runs(logits, y, None if y_target is not None else aims, restarts)
        for index, (restart, towards) in enumerate(runs if len(left) else []):
            start = _near(nearest, left, limit, generator, model.bounds) if restart else x[left]
            tell = offset(progress, index * steps, len(runs) * steps)
            target, aim = (None if each is None else each[left] for each in (y_target, towards))
            _walk(victim, nearest, left, start, (y[left], target, aim), steps, pace, tell)
        nearest.back_to_border(model, y, y_target)
    if progress is not None:
        progress(len(runs) * steps, len(runs) * steps, "FAB")
    settings = {
        "steps": steps,
        "restarts": restarts,
        "aims": aims,
        **asdict(pace),
        "seed": seed if isinstance(seed, int) else None,
    }
    return nearest.result(model, y, y_target, limit, "fab", settings)


@dataclass(frozen=True, slots=True)
class _Pace:
    """How a walk moves."""

    candidates: int
    most_back: float
    overshoot: float
    shrink: float


def _walk(
    victim: DifferentiableClassifier,
    nearest: Nearest,
    rows: Tensor,
    here: Tensor,
    goal: tuple[Tensor, Tensor | None, Tensor | None],
    steps: int,
    pace: _Pace,
    progress: Progress | None,
) -> None:
    """Do one run from ``here`` for the inputs ``rows``, and offer what it finds to ``nearest``."""
    norm, bounds, x = nearest.norm, victim.bounds, nearest.x[rows]
    y, y_target, towards = goal
    for step in range(1, steps + 1):
        plane = nearest_plane(victim, here, y, y_target, norm, pace.candidates, towards)
        on, back = (way_to_plane(plane, here, start, bounds, norm) for start in (here, x))
        near, far = (per_sample(norm.size(way), x).clamp_min(1e-8) for way in (on, back))
        share = (near / (near + far)).clamp_max(pace.most_back)
        push = 1 + pace.overshoot
        here = ((here + push * on) * (1 - share) + (x + push * back) * share).clamp(*bounds)
        logits = victim.logits(here)
        nearest.offer(rows, here, reached(logits, y, y_target))
        over = per_sample(misread(logits, y, y_target), x)
        here = torch.where(over, x + pace.shrink * (here - x), here)
        if progress is not None:
            progress(step, steps, f"FAB, {int(nearest.found.sum())} of {len(rows)} found")


def _runs(logits: Tensor, y: Tensor, aims: int | None, restarts: int) -> list[tuple[int, Tensor | None]]:
    """Return the number of each run and the classes that it is aimed at, if any."""
    if aims is None:
        return [(restart, None) for restart in range(restarts)]
    order = logits.scatter(1, y[:, None], -torch.inf).argsort(1, descending=True)
    likely = order[:, : min(aims, order.shape[1] - 1)].unbind(1)
    return [(restart, aim) for restart in range(restarts) for aim in likely]


def _near(
    nearest: Nearest, rows: Tensor, limit: float, generator: torch.Generator, bounds: tuple[float, float]
) -> Tensor:
    """Return starting points half as far from the inputs as what was found, or as the budget."""
    low, high = bounds
    most = min(limit, _RADIUS[nearest.norm] * (high - low))
    radius = per_sample(nearest.size[rows].clamp_max(most) / 2, nearest.x)
    return (nearest.x[rows] + radius * noise_of_size(nearest.x[rows], 1.0, nearest.norm, generator)).clamp(
        low, high
    )


def _share(name: str, value: float) -> float:
    if not 0 <= length(name, value) <= 1:
        raise InvalidInputError(f"expected {name} as a share from 0 to 1, got {value!r}")
    return float(value)
