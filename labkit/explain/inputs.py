"""What every explanation starts with: checked inputs, targets and a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.protocols import Classifier, check_batch, predict

__all__ = ["Baseline", "Target", "at_work", "expand_baseline", "expand_target", "parts"]

Target = int | Tensor | None
Baseline = float | Tensor

_ROWS = 1024
"""Rows that go through the model at once: an explanation asks it many times a sample."""


def expand_target(model: Classifier, x: Tensor, target: Target) -> Tensor:
    """Return one class for each input: the predicted one where ``target`` is None.

    Raises
    ------
    InvalidInputError
        When ``x`` is no batch for ``model``, or ``target`` no class of it.
    """
    check_batch(model, x, torch.zeros(len(x), dtype=torch.int64))
    if target is None:
        return predict(model, x)
    if isinstance(target, int):
        target = torch.full((len(x),), target, dtype=torch.int64)
    check_batch(model, x, target)
    return target.clone()


def expand_baseline(model: Classifier, x: Tensor, baseline: Baseline) -> Tensor:
    """Return the baseline as a tensor of shape ``(1, *input_shape)``.

    Raises
    ------
    InvalidInputError
        When ``baseline`` is neither a number nor one input.
    """
    if not isinstance(baseline, Tensor):
        return torch.full((1, *model.input_shape), float(baseline), dtype=x.dtype)
    if tuple(baseline.shape) != tuple(model.input_shape):
        raise InvalidInputError(
            f"expected a number or a baseline of shape {tuple(model.input_shape)}, "
            f"got {tuple(baseline.shape)}"
        )
    return baseline.detach().to(x.dtype)[None].clone()


def parts(samples: int, rows_each: int) -> list[slice]:
    """Cut a batch so that no part asks the model for much more than a thousand rows at once."""
    size = max(1, _ROWS // rows_each)
    return [slice(start, start + size) for start in range(0, samples, size)]


@contextmanager
def at_work() -> Iterator[None]:
    """Run with gradients on, whatever the caller set, and on the threads of small models."""
    with threads(), torch.enable_grad():
        yield
