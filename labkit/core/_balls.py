"""Exact projections onto the sets in which few values change, or change by little in total."""

from __future__ import annotations

import torch
from torch import Tensor

Box = tuple[Tensor, Tensor]
"""The least and the most that each value may change by, of the shape of the change; they hold zero."""


def onto_l1(delta: Tensor, epsilon: float, box: Box | None = None) -> Tensor:
    """Return the nearest changes whose values add up to ``epsilon`` at most, and that lie in the box.

    The answer takes one number off every change and stops at zero and at the edge of the
    box.  What is left is piecewise linear in that number, so sorting finds it exactly
    (Croce & Hein, "Mind the box", ICML 2021, https://arxiv.org/abs/2103.01208).
    """
    flat = delta.flatten(1).double()
    size = flat.abs()
    reach = size if box is None else torch.minimum(size, _room(flat, box))
    # Each value begins to shrink once the part beyond the box is used up, and ends at zero.
    points, order = torch.cat([size - reach, size], 1).sort(1)
    begins = torch.cat([torch.ones_like(size), -torch.ones_like(size)], 1)
    shrinking = begins.gather(1, order).cumsum(1)
    taken = (shrinking[:, :-1] * points.diff(dim=1)).cumsum(1)
    total = reach.sum(1, keepdim=True)
    left = torch.cat([total, total - taken], 1)
    after = (left > epsilon).sum(1, keepdim=True).clamp(1, left.shape[1] - 1)
    before = after - 1
    surplus = (left.gather(1, before) - epsilon).clamp_min(0.0)
    cut = points.gather(1, before) + surplus / shrinking.gather(1, before).clamp_min(1.0)
    cut = torch.where(total > epsilon, cut, torch.zeros_like(cut))
    near = torch.minimum((size - cut).clamp_min(0.0), reach)
    return (near * flat.sign()).view_as(delta).to(delta.dtype)


def onto_l0(delta: Tensor, count: int, box: Box | None = None) -> Tensor:
    """Return the nearest changes that touch ``count`` values at most, and that lie in the box.

    Keeping a value saves the square of what it changes by, less the square of what the box
    cuts off; those that save the most are kept.
    """
    flat = delta.flatten(1).double()
    room = flat.abs() if box is None else _room(flat, box)
    kept = torch.minimum(flat.abs(), room) * flat.sign()
    saved = flat.square() - (flat - kept).square()
    chosen = saved.topk(min(count, flat.shape[1]), dim=1).indices
    mask = torch.zeros_like(flat).scatter_(1, chosen, 1.0)
    return (kept * mask).view_as(delta).to(delta.dtype)


def _room(flat: Tensor, box: Box) -> Tensor:
    """Return how far each value may go in the direction in which it changes."""
    low, high = box[0].flatten(1), box[1].flatten(1)
    return torch.where(flat < 0, -low, high).clamp_min(0.0).to(flat.dtype)
