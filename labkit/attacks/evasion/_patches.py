"""The random changes that the Square attack proposes, for each norm.

Images have shape ``(n, channels, height, width)``; every sample has a place of its own.
The results lie in the ball up to rounding, and need clipping to the box.
"""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.evasion._common import per_sample
from labkit.core.threat import Norm


def first_guess(x: Tensor, epsilon: float, norm: Norm, generator: torch.Generator) -> Tensor:
    """Return where the search begins: vertical stripes for L-infinity, a grid of bumps for L2."""
    n, channels, height, width = x.shape
    if norm is Norm.LINF:
        return x + epsilon * _signs((n, channels, 1, width), generator)
    tall, wide = max(1, height // 5), max(1, width // 5)
    rows, columns = height // tall, width // wide
    signs = _signs((n, channels, rows, columns), generator)
    grid = torch.zeros_like(x)
    grid[:, :, : rows * tall, : columns * wide] = torch.kron(signs, _bump(tall, wide))
    return x + epsilon * norm.steepest(grid)


def proposal(
    best: Tensor, clean: Tensor, epsilon: float, norm: Norm, side: int, generator: torch.Generator
) -> Tensor:
    """Return ``best`` with one new square, ``side`` pixels long, for each sample."""
    if norm is Norm.LINF:
        patch, _ = _window(best, side, generator)
        signs = _signs((*best.shape[:2], 1, 1), generator)
        return torch.where(patch, clean + epsilon * signs, best)
    return clean + epsilon * norm.steepest(_moved_mass(best - clean, epsilon, side, generator))


def _moved_mass(delta: Tensor, epsilon: float, side: int, generator: torch.Generator) -> Tensor:
    """Take the change out of one window and put it, as a bump, into another (algorithm 3 of the paper)."""
    n, channels, height, width = delta.shape
    side = max(3, side + 1 - side % 2)
    tall, wide = min(side, height), min(side, width)
    into, (top, left) = _window(delta, side, generator)
    out_of, _ = _window(delta, side, generator)
    kept = (delta * (into | out_of)).square().sum((2, 3), keepdim=True)
    unused = (epsilon**2 - per_sample(delta.flatten(1).square().sum(1), delta)).clamp_min(0.0) / channels
    bump = _bump(tall, wide)
    if tall == wide and torch.rand((), generator=generator) < 0.5:
        bump = bump.T
    sample = torch.arange(n).view(-1, 1, 1, 1)
    channel = torch.arange(channels).view(1, -1, 1, 1)
    place = (
        sample,
        channel,
        top + torch.arange(tall).view(1, 1, -1, 1),
        left + torch.arange(wide).view(1, 1, 1, -1),
    )
    old = delta[place]
    new = bump * _signs((n, channels, 1, 1), generator) + old / _size(old)
    moved = delta * ~out_of
    moved[place] = new / _size(new) * (unused + kept).sqrt()
    return moved


def _window(like: Tensor, side: int, generator: torch.Generator) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return a mask ``(n, 1, height, width)`` of one window for each sample, and its corners."""
    n, _, height, width = like.shape
    tall, wide = min(side, height), min(side, width)
    top = torch.randint(0, height - tall + 1, (n, 1, 1, 1), generator=generator)
    left = torch.randint(0, width - wide + 1, (n, 1, 1, 1), generator=generator)
    rows = torch.arange(height).view(1, 1, -1, 1)
    columns = torch.arange(width).view(1, 1, 1, -1)
    mask = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    return mask, (top, left)


def _bump(tall: int, wide: int) -> Tensor:
    """Return a hill beside a hollow, of length one: half of the window up, the other half down."""
    half = tall // 2
    both = torch.cat([_hill(half, wide), -_hill(tall - half, wide)])
    return both / both.norm()


def _hill(tall: int, wide: int) -> Tensor:
    """Return a pyramid of rectangles whose steps shrink as one over the square."""
    hill = torch.zeros(tall, wide)
    if tall == 0:
        return hill
    row, column = tall // 2, wide // 2
    for ring in range(max(row, column) + 1):
        hill[max(row - ring, 0) : row + ring + 1, max(column - ring, 0) : column + ring + 1] += (
            1 / (ring + 1) ** 2
        )
    return hill / hill.norm()


def _size(window: Tensor) -> Tensor:
    return window.square().sum((2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(0, 2, shape, generator=generator) - 1.0
