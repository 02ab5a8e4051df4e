"""Auto-PGD: a step size that each input finds for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from labkit.attacks.evasion._common import Progress, check, find_loss, inside, offset, per_sample
from labkit.attacks.evasion.searching import Search
from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, require_differentiable
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["apgd", "apgd_targeted"]

Loss = Callable[[Tensor, Tensor], Tensor]

_MOMENTUM = 0.75  # share of the new step; the rest keeps the direction of the last one
_SUCCESS = 0.75  # share of the steps between two checkpoints that must have gained
_FIRST, _SHRINK, _SHORTEST = 0.22, 0.03, 0.06  # spacing of the checkpoints, as shares of all steps


def apgd(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    steps: int = 100,
    restarts: int = 1,
    loss: str = "cross_entropy",
    precision: str = "float32",
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Climb the loss with momentum; halve the step where it no longer gains, and go on from the best point.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Clean inputs within the bounds of the victim, and their true classes.
    epsilon : float
        Perturbation budget in the units of ``x``.
    norm : Norm
        L-infinity or L2.
    steps, restarts : int
        Steps of one run, and runs from different starting points.
    loss : str
        ``"cross_entropy"``, ``"dlr"`` (for models whose logits are huge) or ``"margin"``.
    precision : str
        What the search computes in; see :func:`labkit.attacks.evasion.pgd`.
    seed : int or torch.Generator
        What the starting points are drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each step.

    Returns
    -------
    AdversarialExamples
        For each input the first iterate that the victim misread, else the one of the highest loss.

    References
    ----------
    Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
    Parameter-free Attacks", ICML 2020.  https://arxiv.org/abs/2003.01690
    """
    chosen = find_loss(loss)
    plan = [lambda _rows: chosen for _ in range(whole("restarts", restarts))]
    return _attack(
        "apgd",
        model,
        x,
        y,
        epsilon=epsilon,
        norm=norm,
        steps=steps,
        precision=precision,
        seed=seed,
        progress=progress,
        plan=lambda _search, _x: plan,
        params={"restarts": restarts, "loss": loss},
    )


def apgd_targeted(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    steps: int = 100,
    target_count: int = 9,
    precision: str = "float32",
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Auto-PGD toward each of the likeliest wrong classes in turn, with the targeted logits ratio.

    Being read as any wrong class counts; the targets only say where to climb.

    Parameters
    ----------
    model, x, y, epsilon, norm, steps, precision, seed, progress
        See :func:`apgd`; the model needs four classes or more.
    target_count : int
        How many wrong classes to try for each input; at most all of them.

    Returns
    -------
    AdversarialExamples

    References
    ----------
    Croce & Hein 2020, section 5.  https://arxiv.org/abs/2003.01690
    """
    if model.classes < 4:
        raise InvalidInputError(
            f"expected a model of four classes or more, got {model.classes}: use apgd with loss='margin'"
        )
    count = min(whole("target_count", target_count), model.classes - 1)

    def plan(search: Search, images: Tensor) -> list[Callable[[Tensor], Loss]]:
        logits = search.model.logits(images).scatter(1, y[:, None], -torch.inf)
        likeliest = logits.topk(count, dim=1).indices
        return [_toward(likeliest[:, rank]) for rank in range(count)]

    return _attack(
        "apgd_targeted",
        model,
        x,
        y,
        epsilon=epsilon,
        norm=norm,
        steps=steps,
        precision=precision,
        seed=seed,
        progress=progress,
        plan=plan,
        params={"target_count": count},
    )


def _toward(wanted: Tensor) -> Callable[[Tensor], Loss]:
    """Return, for the rows that are left, the targeted difference of logits ratio."""

    def for_rows(rows: Tensor) -> Loss:
        def loss(logits: Tensor, y: Tensor) -> Tensor:
            best = logits.topk(4, dim=1).values
            scale = best[:, 0] - 0.5 * (best[:, 2] + best[:, 3]) + 1e-12
            own, other = (logits.gather(1, each[:, None]).squeeze(1) for each in (y, wanted[rows]))
            return (other - own) / scale

        return loss

    return for_rows


def _attack(
    name: str,
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm,
    steps: int,
    precision: str,
    seed: int | torch.Generator,
    progress: Progress | None,
    plan: Callable[[Search, Tensor], list[Callable[[Tensor], Loss]]],
    params: dict[str, int | str],
) -> AdversarialExamples:
    """Carry out the runs of ``plan`` one after the other on what still stands."""
    x, epsilon, norm = check(model, x, y, epsilon, norm)
    if norm not in (Norm.LINF, Norm.L2):
        raise InvalidInputError(f"expected norm linf or l2 for {name}, got {norm.value}: use pgd or fab")
    steps = whole("steps", steps)
    search = Search(require_differentiable(model, name), precision)
    generator = make_generator(seed)
    x_adv = x.clone()
    highest = torch.full((len(x),), -torch.inf)
    left = (~search.judge(x, y, None)).nonzero().flatten()
    runs = plan(search, x) if len(left) else []
    for number, make_loss in enumerate(runs):
        if not len(left):
            break
        start = _starting_point(x[left], epsilon, norm, generator, model.bounds)
        run = _Run(search, x, y, epsilon, norm, make_loss, left, start)
        found, gain, broken = run.climb(steps, offset(progress, number * steps, len(runs) * steps))
        better = broken | (gain > highest[left])
        x_adv[left] = torch.where(per_sample(better, found), found, x_adv[left])
        highest[left] = torch.where(better, gain, highest[left])
        left = left[~broken]
    if progress is not None:
        progress(1, 1, f"{name}, {len(x) - len(left)} of {len(x)} misread")
    return AdversarialExamples(
        x=x,
        x_adv=x_adv,
        y=y,
        attack=name,
        params={
            "epsilon": epsilon,
            "norm": norm.value,
            "steps": steps,
            **params,
            "precision": search.precision,
            "seed": seed if isinstance(seed, int) else None,
        },
    )


@dataclass(slots=True)
class _State:
    """What a run knows about the inputs that still stand; every tensor has one entry for each of them."""

    slot: Tensor  # where the input lies in the result
    row: Tensor  # and where in the batch
    here: Tensor
    before: Tensor  # the iterate before this one
    gradient: Tensor
    best: Tensor
    best_gradient: Tensor
    best_gain: Tensor
    step_size: Tensor
    gained: Tensor  # steps since the last checkpoint that gained
    best_at_check: Tensor
    halved: Tensor  # whether the last checkpoint halved the step

    def keep(self, mask: Tensor) -> None:
        """Forget the inputs outside ``mask``."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[mask])


class _Run:
    """One run of Auto-PGD over the inputs ``left``, from ``start``."""

    def __init__(
        self,
        search: Search,
        x: Tensor,
        y: Tensor,
        epsilon: float,
        norm: Norm,
        make_loss: Callable[[Tensor], Loss],
        left: Tensor,
        start: Tensor,
    ) -> None:
        self.search, self.x, self.y = search, x, y
        self.epsilon, self.norm, self.make_loss = epsilon, norm, make_loss
        self.result, self.broken = start.clone(), torch.zeros(len(left), dtype=torch.bool)
        logits, gain, gradient = search(start, y[left], None, make_loss(left))
        self.gain = gain.clone()
        self.state = _State(
            slot=torch.arange(len(left)),
            row=left,
            here=start,
            before=start,
            gradient=gradient,
            best=start,
            best_gradient=gradient,
            best_gain=gain,
            step_size=torch.full_like(gain, 2 * epsilon),
            gained=torch.zeros_like(gain),
            best_at_check=gain,
            halved=torch.ones_like(gain, dtype=torch.bool),
        )
        self._settle(logits)

    def climb(self, steps: int, progress: Progress | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the points found, their losses, and which of them are misread."""
        shrink, shortest = max(int(_SHRINK * steps), 1), max(int(_SHORTEST * steps), 1)
        spacing, since = max(int(_FIRST * steps), 1), 0
        for step in range(steps):
            if not len(self.state.row):
                break
            self._step(_MOMENTUM if step else 1.0)
            since += 1
            if since == spacing:
                self._checkpoint(spacing)
                spacing, since = max(spacing - shrink, shortest), 0
            if progress is not None:
                progress(step + 1, steps, f"Auto-PGD, {int(self.broken.sum())} of {len(self.broken)} misread")
        state = self.state
        self.result[state.slot], self.gain[state.slot] = state.best, state.best_gain
        # What the search did not notice in its own precision the model may still misread.
        self.broken[state.slot] = self.search.judge(state.best, self.y[state.row], None)
        return self.result, self.gain, self.broken

    def _step(self, share: float) -> None:
        """Move every point, with a share of the last movement, and look where it got."""
        state = self.state
        clean = self.x[state.row]
        uphill = per_sample(state.step_size, clean) * self.norm.steepest(state.gradient)
        moved = self._inside(clean, state.here + uphill)
        inertia = state.here - state.before
        moved = self._inside(clean, state.here + share * (moved - state.here) + (1 - share) * inertia)
        state.before, state.here = state.here, moved
        logits, gain, state.gradient = self.search(moved, self.y[state.row], None, self.make_loss(state.row))
        better = gain > state.best_gain
        state.gained = state.gained + better
        spread = per_sample(better, moved)
        state.best = torch.where(spread, moved, state.best)
        state.best_gradient = torch.where(spread, state.gradient, state.best_gradient)
        state.best_gain = torch.where(better, gain, state.best_gain)
        self._settle(logits)

    def _settle(self, logits: Tensor) -> None:
        """Put aside what the victim misreads now."""
        state = self.state
        done = self.search.confirmed(logits, state.here, self.y[state.row], None)
        if bool(done.any()):
            slots = state.slot[done]
            self.result[slots], self.broken[slots] = state.here[done], True
            self.gain[slots] = state.best_gain[done]
            state.keep(~done)

    def _checkpoint(self, spacing: int) -> None:
        """Halve the step of each point that gains too rarely, and put it back to its best."""
        state = self.state
        rarely = state.gained < _SUCCESS * spacing
        stuck = ~state.halved & (state.best_gain <= state.best_at_check)
        halve = rarely | stuck
        spread = per_sample(halve, state.here)
        state.step_size = torch.where(halve, state.step_size / 2, state.step_size)
        state.here = torch.where(spread, state.best, state.here)
        state.gradient = torch.where(spread, state.best_gradient, state.gradient)
        state.gained = torch.zeros_like(state.gained)
        state.best_at_check, state.halved = state.best_gain, halve

    def _inside(self, clean: Tensor, point: Tensor) -> Tensor:
        return inside(clean, point - clean, self.epsilon, self.norm, self.search.model.bounds)


def _starting_point(
    x: Tensor, epsilon: float, norm: Norm, generator: torch.Generator, bounds: tuple[float, float]
) -> Tensor:
    """Return points on the surface of the ball around ``x``, brought back into the box."""
    if norm is Norm.LINF:
        direction = 2 * torch.rand(x.shape, generator=generator, dtype=x.dtype) - 1
    else:
        direction = torch.randn(x.shape, generator=generator, dtype=x.dtype)
    length = per_sample(norm.size(direction).clamp_min(1e-12), x)
    return inside(x, epsilon * direction / length, epsilon, norm, bounds)
