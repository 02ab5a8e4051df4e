"""Occlusion: what the model loses when a part of the input is covered."""

from __future__ import annotations

from math import ceil, prod

import torch
from captum.attr import Occlusion
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.core.results import Attribution
from labkit.explain.inputs import Baseline, Target, at_work, expand_baseline, expand_target, parts

__all__ = ["occlusion"]


def occlusion(
    model: Classifier,
    x: Tensor,
    target: Target = None,
    *,
    window: int | None = None,
    stride: int | None = None,
    baseline: Baseline = 0.0,
) -> Attribution:
    """Explain a logit by covering one window of the input at a time.

    A value is how far the logit falls when the windows over that place are covered, taken
    as a mean over these windows.  Only answers are needed, no gradient: it explains a
    black box too.  ``completeness_gap`` is None: windows overlap and parts of an input act
    together, so the values of an input add up to nothing in particular.

    Parameters
    ----------
    model : Classifier
        The victim; it is left as it was.
    x : Tensor of shape ``(n, *input_shape)``
        Inputs within ``model.bounds``.  In images a window covers all channels, in tables
        neighbouring columns.
    target : int, Tensor of shape ``(n,)``, or None
        The class to explain; None explains the predicted one.
    window, stride : int, optional
        Side of the window and how far it moves, in pixels or columns.  By default the
        window is a quarter of the image and moves by half of itself; in tables both are 1.
    baseline : float or Tensor of shape ``input_shape``
        What a covered place shows; 0 is black.

    Raises
    ------
    InvalidInputError
        When ``x``, ``target``, ``window`` or ``baseline`` do not fit the model.

    References
    ----------
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    https://arxiv.org/abs/1311.2901
    """
    target = expand_target(model, x, target)
    cover = expand_baseline(model, x, baseline)
    shape, strides = _windows(model.input_shape, window, stride)
    places = prod(
        ceil((side - covered) / step) + 1
        for side, covered, step in zip(model.input_shape, shape, strides, strict=True)
    )
    method = Occlusion(model.logits)
    values = torch.zeros_like(x)
    together = min(places, 64)
    with at_work():
        for part in parts(len(x), together):
            values[part] = method.attribute(
                x[part].detach().clone(),
                sliding_window_shapes=shape,
                strides=strides,
                baselines=cover,
                target=target[part],
                perturbations_per_eval=together,
            ).detach()
    return Attribution(
        x=x,
        values=values,
        target=target,
        method="occlusion",
        params={
            "window": shape[-1],
            "stride": strides[-1],
            "baseline": baseline if isinstance(baseline, float | int) else "given",
        },
    )


def _windows(
    input_shape: tuple[int, ...], window: int | None, stride: int | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shape of a window and its strides, one number for each axis of an input."""
    image = len(input_shape) == 3
    moved = input_shape[1:] if image else input_shape
    window = (max(1, min(moved) // 4) if image else 1) if window is None else window
    stride = (max(1, window // 2) if image else 1) if stride is None else stride
    if not 1 <= window <= min(moved) or not 1 <= stride <= window:
        raise InvalidInputError(
            f"expected 1 <= stride <= window <= {min(moved)}, got window {window} and stride {stride}"
        )
    channels = input_shape[:1] if image else ()
    return (*channels, *[window] * len(moved)), (*channels, *[stride] * len(moved))
