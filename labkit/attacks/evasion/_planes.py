"""Borders as planes: where a linear copy of the victim changes its mind, and the way there.

DeepFool and FAB both replace the victim, near a point, by a linear one.  The border to each
other class is then a plane, and the nearest point of a plane within the box is found exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.attacks.evasion._common import misread, per_sample
from labkit.core.machine import threads
from labkit.core.protocols import DifferentiableClassifier
from labkit.core.threat import Norm

_AT_ONCE = 2**23  # values of the gradients of all classes that are held together


@dataclass(frozen=True, slots=True)
class Plane:
    """For each sample one plane: along ``normal`` the victim's opinion has to change by ``need``."""

    normal: Tensor
    """Shape ``(n, ...)``, as the input."""
    need: Tensor
    """Shape ``(n,)``; below zero on the far side of the border."""
    logits: Tensor
    """Shape ``(n, classes)``: what the victim answers at the point itself."""
    reached: Tensor
    """Shape ``(n,)`` bool: the attacker has what they wanted already."""


def nearest_plane(
    model: DifferentiableClassifier,
    x: Tensor,
    y: Tensor,
    y_target: Tensor | None,
    norm: Norm,
    candidates: int,
    towards: Tensor | None = None,
) -> Plane:
    """Return the border that is nearest in ``norm`` if the victim were linear.

    Untargeted, it is one of the borders between ``y`` and the ``candidates`` most likely other
    classes, or that to ``towards``; targeted, the one between the target and its strongest
    rival.
    """
    others = 1 if y_target is not None or towards is not None else min(candidates, model.classes - 1)
    rows = max(1, _AT_ONCE // (x[0].numel() * others))
    parts = [
        _nearest(model, x[part], y[part], _at(y_target, part), norm, others, _at(towards, part))
        for part in torch.arange(len(x)).split(rows)
    ]
    return Plane(*(torch.cat([getattr(part, name) for part in parts]) for name in Plane.__slots__))


def _nearest(
    model: DifferentiableClassifier,
    x: Tensor,
    y: Tensor,
    y_target: Tensor | None,
    norm: Norm,
    others: int,
    towards: Tensor | None,
) -> Plane:
    # A caller may be in inference mode, whose tensors autograd cannot follow: copy them.
    with threads(), torch.inference_mode(False), torch.enable_grad():
        leaf = x.detach().clone().requires_grad_(True)
        logits = model.forward(leaf)
        mine, theirs = _pairs(logits.detach(), y.clone(), y_target, others, towards)
        gaps = logits.gather(1, mine) - logits.gather(1, theirs)
        normals = torch.stack(
            [
                torch.autograd.grad(-gaps[:, other].sum(), leaf, retain_graph=other + 1 < gaps.shape[1])[0]
                for other in range(gaps.shape[1])
            ],
            dim=1,
        )
    gaps = gaps.detach()
    steepness = _dual_size(normals.flatten(2), norm).clamp_min(1e-12)
    nearest = (gaps.abs() / steepness).argmin(1)
    row = torch.arange(len(x))
    logits = logits.detach().float()
    return Plane(normals[row, nearest], gaps[row, nearest], logits, misread(logits, y, y_target))


def _pairs(
    logits: Tensor, y: Tensor, y_target: Tensor | None, others: int, towards: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the classes that have to lose and those that have to win, both ``(n, others)``."""
    aim = y_target if y_target is not None else towards
    if y_target is not None:
        rival = logits.scatter(1, y_target[:, None], -torch.inf).argmax(1, keepdim=True)
        return rival, y_target[:, None]
    if aim is not None:
        return y[:, None], aim[:, None]
    theirs = logits.scatter(1, y[:, None], -torch.inf).topk(others, dim=1).indices
    return y[:, None].expand_as(theirs), theirs


def _dual_size(normals: Tensor, norm: Norm) -> Tensor:
    """Return how fast each gap closes per unit of length, shape ``(n, others)``."""
    if norm is Norm.LINF:
        return normals.abs().sum(2)
    return normals.norm(dim=2) if norm is Norm.L2 else normals.abs().amax(2)


def way_to_plane(plane: Plane, x: Tensor, start: Tensor, bounds: tuple[float, float], norm: Norm) -> Tensor:
    """Return the shortest way from ``start`` to the plane drawn at ``x`` that stays in the box.

    Where the box holds no point of the plane, the way leads as far towards it as there is.
    The shortest way moves every value until a common limit or the edge of the box; what it
    achieves is piecewise linear in that limit, so sorting finds it exactly (Croce & Hein 2020).
    """
    low, high = bounds
    flat, at = plane.normal.flatten(1).double(), start.flatten(1).double()
    need = plane.need.double() - (flat * (at - x.flatten(1))).sum(1)
    flat = flat * torch.where(need < 0, -1.0, 1.0)[:, None]
    weight = flat.abs()
    room = torch.where(flat > 0, high - at, at - low).clamp_min(0.0)
    solve = _fewest if norm is Norm.L1 else _evenly
    moved = solve(weight, room, need.abs()[:, None], norm)
    return (moved * flat.sign()).view_as(start).to(start.dtype)


def _fewest(weight: Tensor, room: Tensor, need: Tensor, norm: Norm) -> Tensor:
    """L1: move the values that achieve the most, each to the edge, until it is enough."""
    steepest, order = weight.sort(dim=1, descending=True)
    gain = steepest * room.gather(1, order)
    before = gain.cumsum(1) - gain
    share = ((need - before) / gain.clamp_min(1e-300)).clamp(0.0, 1.0)
    return torch.zeros_like(room).scatter_(1, order, share * room.gather(1, order))


def _evenly(weight: Tensor, room: Tensor, need: Tensor, norm: Norm) -> Tensor:
    """L-infinity: move all values alike; L2: in proportion to their weight; up to the edge."""
    pace = (weight > 0).to(weight.dtype) if norm is Norm.LINF else weight
    full = torch.where(pace > 0, room / pace.clamp_min(1e-300), torch.zeros_like(room))
    limits, order = full.sort(dim=1)
    at_edge = (weight * room).gather(1, order).cumsum(1)
    speed = (weight * pace).gather(1, order)
    moving = speed.sum(1, keepdim=True) - speed.cumsum(1)
    enough = at_edge + limits * moving >= need
    # Before the first limit at which it is enough, these stood at the edge and those moved.
    first = enough.int().argmax(1, keepdim=True)
    stood = at_edge.gather(1, first) - (weight * room).gather(1, order).gather(1, first)
    limit = (need - stood) / (moving + speed).gather(1, first).clamp_min(1e-300)
    limit = torch.where(enough.any(1, keepdim=True), limit, torch.full_like(limit, torch.inf))
    # A value that the normal does not depend on has no pace, and 0 * inf is not a number.
    return torch.minimum(torch.where(pace > 0, limit * pace.clamp_min(1e-300), 0.0), room)


def length_of(way: Tensor, norm: Norm) -> Tensor:
    """Return the length of each way, broadcastable over the batch."""
    return per_sample(norm.size(way), way)


def _at(values: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if values is None else values[rows]
