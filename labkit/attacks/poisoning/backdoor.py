"""Backdoors: samples that bear a trigger and the label that the attacker wants."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.poisoning._common import check_data, class_number, classes_in, count_of, draw
from labkit.core.checks import finite, interval, whole
from labkit.core.errors import InvalidInputError
from labkit.core.poisoning import PoisonedDataset, Trigger
from labkit.core.seeds import make_generator

__all__ = ["badnets", "blended", "patch"]


def patch(
    shape: tuple[int, int, int],
    *,
    size: int = 2,
    top: int = 0,
    left: int = 0,
    value: float = 1.0,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Trigger:
    """Return a square trigger of one value.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of one input.
    size, top, left : int
        Side of the square, and the row and column of its upper left corner, in pixels.
    value : float
        What the pixels below it become.
    bounds : tuple of float
        Smallest and largest legal value.

    Raises
    ------
    InvalidInputError
        When the square does not lie within the picture, or its value not within the bounds.
    """
    if not isinstance(shape, tuple | list | torch.Size) or len(shape) != 3:
        raise InvalidInputError(f"expected shape as (channels, height, width), got {shape!r}")
    channels, height, width = (whole("shape", side) for side in shape)
    size, top, left = (_pixels(*each) for each in (("size", size), ("top", top), ("left", left)))
    low, high = interval("bounds", bounds)
    bright = _number("value", value)
    if not low <= bright <= high:
        raise InvalidInputError(f"expected value from {low:g} to {high:g}, got {value!r}")
    if size < 1 or not (0 <= top <= height - size and 0 <= left <= width - size):
        raise InvalidInputError(
            f"expected a square within {height} by {width} pixels; "
            f"got size {size} at row {top}, column {left}"
        )
    mask = torch.zeros(channels, height, width)
    mask[:, top : top + size, left : left + size] = 1.0
    return Trigger(mask=mask, pattern=mask * bright)


def badnets(
    x: Tensor,
    y: Tensor,
    *,
    trigger: Trigger,
    y_target: int,
    poison_rate: float,
    clean_label: bool = False,
    seed: int | torch.Generator = 0,
) -> PoisonedDataset:
    """Stamp a trigger on some samples and label them with the target class.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    trigger : Trigger
        What is stamped on them.
    y_target : int
        What inputs with the trigger are to be read as.
    poison_rate : float
        Share of all ``n`` samples, rounded down to whole samples.
    clean_label : bool
        Whether samples of the target class are stamped, whose label then stays; by default
        samples of all other classes are, and get a wrong label.
    seed : int or torch.Generator
        Decides which samples are poisoned.

    Returns
    -------
    PoisonedDataset

    References
    ----------
    Gu, Dolan-Gavitt & Garg, "BadNets: Identifying Vulnerabilities in the Machine Learning Model
    Supply Chain", 2017.  Clean labels: Turner, Tsipras & Madry, "Label-Consistent Backdoor
    Attacks", 2019, here without its perturbation of the samples.
    """
    if not isinstance(trigger, Trigger):
        raise InvalidInputError(f"expected trigger as a Trigger, got {type(trigger).__name__}: see patch()")
    facts = {"trigger_size": trigger.size}
    return _stamp(x, y, trigger, y_target, poison_rate, clean_label, seed, "badnets", facts)


def blended(
    x: Tensor,
    y: Tensor,
    *,
    pattern: Tensor,
    blend_ratio: float,
    y_target: int,
    poison_rate: float,
    clean_label: bool = False,
    seed: int | torch.Generator = 0,
) -> PoisonedDataset:
    """Mix a pattern faintly into the whole of some samples and label them with the target class.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    pattern : Tensor of the shape of one input
        What is mixed in.
    blend_ratio : float
        How much of it, from 0 (nothing) to 1 (the pattern alone).
    y_target, poison_rate, clean_label, seed
        As for :func:`badnets`.

    Returns
    -------
    PoisonedDataset
        Its trigger has the blend ratio as its mask.

    References
    ----------
    Chen, Liu, Li, Lu & Song, "Targeted Backdoor Attacks on Deep Learning Systems Using Data
    Poisoning", 2017.
    """
    ratio = _number("blend_ratio", blend_ratio)
    if not 0 <= ratio <= 1:
        raise InvalidInputError(f"expected blend_ratio from 0 to 1, got {blend_ratio!r}")
    trigger = Trigger(mask=torch.full_like(finite("pattern", pattern), ratio), pattern=pattern)
    facts = {"blend_ratio": ratio}
    return _stamp(x, y, trigger, y_target, poison_rate, clean_label, seed, "blended", facts)


def _pixels(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise InvalidInputError(f"expected {name} as a whole number of pixels, got {value!r}") from None


def _number(name: str, value: Any) -> float:
    """Return a number as a float; what is none is refused by the name it was handed in under."""
    try:
        return math.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInputError(f"expected {name} as a number, got {value!r}") from None


def _stamp(
    x: Tensor,
    y: Tensor,
    trigger: Trigger,
    y_target: int,
    poison_rate: float,
    clean_label: bool,
    seed: int | torch.Generator,
    attack: str,
    facts: Mapping[str, float],
) -> PoisonedDataset:
    check_data(x, y)
    target = class_number("y_target", y_target, classes_in(y))
    eligible = y == target if clean_label else y != target
    what = "samples of the target class" if clean_label else "samples of other classes"
    indices = draw(eligible, count_of(poison_rate, len(y)), make_generator(seed), what)
    x_poisoned, y_poisoned = x.clone(), y.clone()
    x_poisoned[indices] = trigger.apply(x[indices])
    y_poisoned[indices] = target
    return PoisonedDataset(
        x=x,
        y=y,
        x_poisoned=x_poisoned,
        y_poisoned=y_poisoned,
        indices=indices,
        attack=attack,
        params={
            "poison_rate": float(poison_rate),
            "clean_label": clean_label,
            "seed": seed if isinstance(seed, int) else None,
            **facts,
        },
        trigger=trigger,
        y_target=target,
    )
