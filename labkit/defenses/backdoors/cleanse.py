"""Look for a trigger: the smallest sign that turns every input into one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.poisoning import Trigger
from labkit.core.protocols import DifferentiableClassifier
from labkit.core.seeds import make_generator

__all__ = ["FoundTrigger", "TriggerSearch", "search_triggers"]

Progress = Callable[[int, int, str], None]

_CONSISTENT = 1.4826  # median absolute deviation of a normal distribution, in standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class FoundTrigger:
    """The smallest sign that was found for one class.

    Attributes
    ----------
    y_target : int
    trigger : Trigger
    size : float
        Sum of the mask: how many values of an input the sign takes up.
    success : float
        Share of the inputs of other classes that it turns.
    anomaly : float
        How far its size lies below the median over all classes, in robust standard deviations.
    """

    y_target: int
    trigger: Trigger
    size: float
    success: float
    anomaly: float


@dataclass(frozen=True, slots=True, eq=False)
class TriggerSearch:
    """What was found for every class, and which classes stand out.

    Attributes
    ----------
    found : tuple of FoundTrigger
        One for each class.
    threshold : float
        From which anomaly on a class is suspected.
    """

    found: tuple[FoundTrigger, ...]
    threshold: float

    @property
    def suspected(self) -> tuple[int, ...]:
        """Classes whose trigger is conspicuously small."""
        return tuple(each.y_target for each in self.found if each.anomaly > self.threshold)


def search_triggers(
    model: DifferentiableClassifier,
    x: Tensor,
    *,
    steps: int = 150,
    sparsity: float = 0.02,
    threshold: float = 2.0,
    lr: float = 0.1,
    seed: int | torch.Generator = 0,
    progress: Progress | None = None,
) -> TriggerSearch:
    """Search, for each class, the smallest sign that turns the inputs into it.

    A class that can be reached from everywhere by a tiny sign was probably given a backdoor.  All
    classes are searched at once.

    Parameters
    ----------
    model : DifferentiableClassifier
        The model under suspicion.
    x : Tensor of shape ``(n, ...)``
        Clean inputs of every class; some dozens will do.
    steps : int
        Steps of the search.
    sparsity : float
        Price of one value that the sign takes up, beside the loss.
    threshold : float
        From which anomaly on a class is suspected; 2 is the authors' choice.
    lr : float
        Step size of Adam.
    seed : int or torch.Generator
        Where the search begins.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    TriggerSearch

    Raises
    ------
    InvalidInputError
        When there are fewer than three classes: with two there is no median to stand out from.

    References
    ----------
    Wang et al., "Neural Cleanse: Identifying and Mitigating Backdoor Attacks in Neural Networks",
    S&P 2019.  https://doi.org/10.1109/SP.2019.00031
    """
    total, price, most = whole("steps", steps), length("sparsity", sparsity), length("threshold", threshold)
    if model.classes < 3:
        raise InvalidInputError(f"expected three classes or more, got {model.classes}")
    if x.shape[1:] != tuple(model.input_shape) or not len(x):
        raise InvalidInputError(
            f"expected x of shape (n, {', '.join(map(str, model.input_shape))}), got {tuple(x.shape)}"
        )
    classes, generator, (low, high) = model.classes, make_generator(seed), model.bounds
    shape = (classes, 1, *model.input_shape)
    parts = [torch.randn(shape, generator=generator) * 0.1 - shift for shift in (2.0, 0.0)]
    moments = [(torch.zeros(shape), torch.zeros(shape)) for _ in parts]
    y = torch.arange(classes).repeat_interleave(len(x))
    for step in range(1, total + 1):
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaves = [part.clone().requires_grad_(True) for part in parts]
            mask, pattern = leaves[0].sigmoid(), low + (high - low) * leaves[1].sigmoid()
            stamped = torch.lerp(x.detach().clone()[None].expand(classes, *x.shape), pattern, mask)
            logits = model.forward(stamped.reshape(-1, *model.input_shape))
            loss = functional.cross_entropy(logits, y, reduction="sum") / len(x) + price * mask.sum()
            slopes = torch.autograd.grad(loss, leaves)
        for i, slope in enumerate(slopes):
            first, second = (0.9 * moments[i][0] + 0.1 * slope, 0.99 * moments[i][1] + 0.01 * slope**2)
            moments[i] = (first, second)
            move = (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
            parts[i] = parts[i] - lr * move
        if progress is not None:
            progress(step, total, "looking for triggers")
    masks, patterns = parts[0].sigmoid()[:, 0], (low + (high - low) * parts[1].sigmoid())[:, 0]
    return TriggerSearch(_judged(model, x, masks, patterns), most)


def _judged(
    model: DifferentiableClassifier, x: Tensor, masks: Tensor, patterns: Tensor
) -> tuple[FoundTrigger, ...]:
    """Measure what was found, and how far each size lies below the median."""
    sizes = masks.flatten(1).sum(1)
    median = sizes.median()
    spread = _CONSISTENT * (sizes - median).abs().median()
    own = model.logits(x).argmax(1)
    found = []
    for target, (mask, pattern) in enumerate(zip(masks, patterns, strict=True)):
        trigger = Trigger(mask=mask, pattern=pattern)
        others = x[own != target]
        read = model.logits(trigger.apply(others)).argmax(1) == target
        found.append(
            FoundTrigger(
                y_target=target,
                trigger=trigger,
                size=float(sizes[target]),
                success=float(read.float().mean()) if len(others) else 0.0,
                anomaly=float((median - sizes[target]) / spread.clamp_min(1e-6)),
            )
        )
    return tuple(found)
