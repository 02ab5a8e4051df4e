"""Adversarial patches: a sticker that misleads wherever it is stuck on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks.evasion._common import Progress, check, cross_entropy, logits_and_gradient
from labkit.attacks.evasion._nearest import check_norm
from labkit.core.checks import floats, length, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, require_differentiable
from labkit.core.rest import at_rest
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import make_generator
from labkit.core.threat import Norm

__all__ = ["Patch", "adversarial_patch", "train_patch"]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A round sticker, and how it may lie.

    Attributes
    ----------
    pixels : Tensor of shape ``(channels, side, side)``
        What is printed on it, in the units of ``x``.
    area : int
        Pixels that it covers at most.
    scale : float
        Its smallest size, as a share of the largest, above 0 and up to 1.
    rotation : float
        Degrees that it may be turned to either side, from 0 to 180.
    """

    pixels: Tensor
    area: int
    scale: float = 0.8
    rotation: float = 20.0

    def __post_init__(self) -> None:
        floats("pixels", self.pixels, axes=3)
        whole("area", self.area, at_least=0)
        if not size("scale", self.scale) <= 1:
            raise InvalidInputError(f"expected scale above 0 and up to 1, got {self.scale!r}")
        if not length("rotation", self.rotation) <= 180:
            raise InvalidInputError(f"expected rotation from 0 to 180 degrees, got {self.rotation!r}")

    def place(self, x: Tensor, *, seed: int | torch.Generator = 0) -> Tensor:
        """Return pictures ``(n, channels, height, width)`` with the patch on each, somewhere.

        Place, size and turn are drawn for each picture.  Autograd can follow the result back
        to ``pixels``.
        """
        if x.dim() != 4 or x.shape[1] != self.pixels.shape[0]:
            raise InvalidInputError(
                f"expected pictures of shape ('n', {self.pixels.shape[0]}, height, width), "
                f"got {tuple(x.shape)}"
            )
        n, _, height, width = x.shape
        radius = _radius(self.area, height, width)
        if radius < 0:
            return x.clone()
        generator, reach = make_generator(seed), math.isqrt(math.floor(radius**2 + 1e-6))
        row = torch.randint(reach, height - reach, (n, 1, 1), generator=generator)
        column = torch.randint(reach, width - reach, (n, 1, 1), generator=generator)
        share = self.scale + (1 - self.scale) * torch.rand((n, 1, 1), generator=generator)
        turn = math.radians(self.rotation) * (2 * torch.rand((n, 1, 1), generator=generator) - 1)
        down = (torch.arange(height).view(1, -1, 1) - row).float()
        right = (torch.arange(width).view(1, 1, -1) - column).float()
        covered = (down.square() + right.square() <= (share * radius).square() + 1e-4)[:, None]
        edge = share * (radius + 0.5)
        grid = torch.stack(
            [
                (turn.cos() * right + turn.sin() * down) / edge,
                (turn.cos() * down - turn.sin() * right) / edge,
            ],
            dim=-1,
        )
        print_ = self.pixels.expand(n, *self.pixels.shape)
        lying = functional.grid_sample(print_, grid, padding_mode="border", align_corners=False)
        return torch.where(covered, lying, x)


def train_patch(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    scale: float = 0.8,
    rotation: float = 20.0,
    step_size: float | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    y_target: Tensor | None = None,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> Patch:
    """Print a sticker that misleads the victim wherever it lies, whatever lies beneath.

    Each step sticks it on a mini-batch of pictures, each time at another place, size and
    turn, and moves its pixels along the sign of the mean gradient.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim.
    x, y : Tensor of shape ``(n, channels, height, width)`` float32 and ``(n,)`` int64
        Pictures to stick it on, and their true classes.
    epsilon : float
        Values of a picture that it may cover; a pixel of three channels counts as three.
    scale, rotation : float
        How it may lie: see :class:`Patch`.
    step_size : float, optional
        Length of the first step, a quarter of the width of the bounds by default; it shrinks
        linearly to nothing.
    epochs, batch_size : int
        Passes over the pictures, and pictures of one step.
    y_target : Tensor of shape ``(n,)``, optional
        Classes to be read instead; None to be misread as anything.
    seed : int or torch.Generator
        What the order of the pictures and the lie of the patch are drawn from.
    progress : function, optional
        Called as ``progress(done, total, message)`` after each pass.

    References
    ----------
    Brown, Mané, Roy, Abadi & Gilmer, "Adversarial Patch", 2017.
    https://arxiv.org/abs/1712.09665
    """
    x, epsilon, _ = check(model, x, y, epsilon, Norm.L0, y_target)
    if x.dim() != 4:
        raise InvalidInputError(
            "expected pictures of shape ('n', channels, height, width) to stick a patch on, "
            f"got {tuple(x.shape)}"
        )
    epochs, batch_size = whole("epochs", epochs), whole("batch_size", batch_size)
    low, high = model.bounds
    step_size = (high - low) / 4 if step_size is None else length("step_size", step_size)
    victim, generator = require_differentiable(model, "adversarial_patch"), make_generator(seed)
    area = int((epsilon + 1e-6) // x.shape[1])
    side = 2 * max(1, math.ceil(_radius(area, *x.shape[2:]))) + 1
    pixels = torch.full((x.shape[1], side, side), (low + high) / 2)
    turns, turn = epochs * -(-len(x) // batch_size), 0
    with at_rest(model):
        for epoch in range(1, epochs + 1):
            for rows in torch.split(torch.randperm(len(x), generator=generator), batch_size):
                target = None if y_target is None else y_target[rows]
                climb = partial(_climb, victim, y[rows], target)
                slope = _slope(Patch(pixels, area, scale, rotation), x[rows], climb, generator)
                pixels = (pixels + step_size * (1 - turn / turns) * slope.sign()).clamp(low, high)
                turn += 1
            if progress is not None:
                progress(epoch, epochs, "adversarial patch")
    return Patch(pixels, area, scale, rotation)


def adversarial_patch(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.L0,
    patch: Patch | None = None,
    scale: float = 0.8,
    rotation: float = 20.0,
    step_size: float | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    y_target: Tensor | None = None,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> AdversarialExamples:
    """Stick one and the same patch on every picture, each time somewhere else.

    Parameters
    ----------
    model : DifferentiableClassifier
        The victim; any Classifier where ``patch`` is given.
    x, y : Tensor of shape ``(n, channels, height, width)`` float32 and ``(n,)`` int64
        Clean pictures within the bounds of the victim, and their true classes.
    epsilon : float
        Values of a picture that the patch may cover; a pixel of three channels counts as three.
    norm : Norm
        L0, the only distance that a patch keeps to.
    patch : Patch, optional
        The patch, trained on other pictures by :func:`train_patch`; by default it is trained
        on ``x``, which flatters it.
    scale, rotation, step_size, epochs, batch_size, y_target, seed, progress
        As for :func:`train_patch`.

    Returns
    -------
    AdversarialExamples
        Pictures with the patch; nothing else of them is changed.

    References
    ----------
    See :func:`train_patch`.
    """
    x, epsilon, norm = check(model, x, y, epsilon, norm, y_target)
    check_norm("adversarial_patch", norm, (Norm.L0,), "a patch changes few values by as much as it likes")
    generator = make_generator(seed)
    trained = patch is None
    if patch is None:
        patch = train_patch(
            model,
            x,
            y,
            epsilon=epsilon,
            scale=scale,
            rotation=rotation,
            step_size=step_size,
            epochs=epochs,
            batch_size=batch_size,
            y_target=y_target,
            seed=generator,
            progress=progress,
        )
    if patch.area * x.shape[1] > epsilon + 1e-6:
        raise InvalidInputError(
            f"expected a patch that covers up to {epsilon:g} values, got one that covers "
            f"{patch.area * x.shape[1]}: train it with that epsilon"
        )
    return AdversarialExamples(
        x=x,
        x_adv=patch.place(x, seed=generator).clamp(*model.bounds),
        y=y,
        attack="adversarial_patch",
        params={
            "epsilon": epsilon,
            "norm": norm.value,
            "trained_on_x": trained,
            "scale": patch.scale,
            "rotation": patch.rotation,
            "step_size": step_size,
            "epochs": epochs,
            "batch_size": batch_size,
            "seed": seed if isinstance(seed, int) else None,
        },
        y_target=y_target,
    )


def _climb(victim: DifferentiableClassifier, y: Tensor, y_target: Tensor | None, at: Tensor) -> Tensor:
    return logits_and_gradient(victim, at, y, y_target, cross_entropy)[1]


def _slope(patch: Patch, x: Tensor, climb: Callable[[Tensor], Tensor], generator: torch.Generator) -> Tensor:
    """Return the gradient of the mean loss in the pixels of the patch."""
    # A caller may be in inference mode, whose tensors autograd cannot follow: copy them.
    with torch.inference_mode(False), torch.enable_grad():
        leaf = patch.pixels.clone().requires_grad_(True)
        placed = Patch(leaf, patch.area, patch.scale, patch.rotation).place(x.clone(), seed=generator)
        if not placed.requires_grad:
            return torch.zeros_like(patch.pixels)
        (slope,) = torch.autograd.grad(placed, leaf, climb(placed.detach()))
    return slope


def _radius(area: int, height: int, width: int) -> float:
    """Return the radius of the largest disc of at most ``area`` pixels that fits, or -1 where none does."""
    most = (min(height, width) - 1) // 2
    line = torch.arange(-most, most + 1)
    apart = (line[:, None].square() + line[None].square()).flatten().sort().values
    counts = torch.searchsorted(apart, apart, right=True)
    fitting = apart[(apart <= most**2) & (counts <= area)]
    return float(fitting[-1]) ** 0.5 if len(fitting) else -1.0
