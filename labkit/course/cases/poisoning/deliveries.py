"""Deliveries of labelled data: batches with and without a voucher, and what may be hidden in them.

A delivery carries no trace of what was done to it.  What was hidden is drawn again from the
seed when somebody has to judge; it lies in no attribute that a participant meets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.attacks import poisoning
from labkit.core.poisoning import PoisonedDataset, Trigger
from labkit.core.seeds import derive, make_generator
from labkit.defenses.sanitising import Batch, batch_digest

__all__ = [
    "Delivery",
    "arrived",
    "corner_trigger",
    "deliver",
    "hidden_in_delivery",
    "scan",
]

BATCHES = 24
UNVOUCHED = 6
"""Batches that come from somebody who publishes no digests."""
OWN, SUBCONTRACTOR = "Meridian labelling team", "a subcontractor"
_NOISE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Labelled data as it arrived.

    Attributes
    ----------
    name : str
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
    batches : tuple of Batch
        What the delivery note says; empty where there is none.
    vouchers : mapping of source to digests
        What trusted sources published about their batches, by another way.
    """

    name: str
    x: Tensor
    y: Tensor
    batches: tuple[Batch, ...] = ()
    vouchers: Mapping[str, tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return len(self.x)


def scan(x: Tensor, seed: int) -> Tensor:
    """Return pictures as another scan shows them: a little noise, so that no two are bit by bit alike."""
    noise = _NOISE * torch.randn(x.shape, generator=make_generator(seed))
    return (x + noise).clamp(0.0, 1.0)


def deliver(name: str, hidden: PoisonedDataset, seed: int) -> Delivery:
    """Return what arrives when ``hidden`` is what somebody made: batches, and vouchers for most of them.

    The last quarter of the samples comes from the subcontractor; their batches stand at
    places drawn by ``seed``.
    """
    n = len(hidden)
    parts = torch.arange(n).tensor_split(BATCHES)
    order = torch.randperm(BATCHES, generator=make_generator(derive(seed, "batches"))).tolist()
    x, y, batches = [], [], []
    vouchers: list[str] = []
    start = 0
    for place, part in enumerate(order):
        where = parts[part]
        x.append(hidden.x_poisoned[where])
        y.append(hidden.y_poisoned[where])
        vouched = part < BATCHES - UNVOUCHED
        indices = torch.arange(start, start + len(where))
        batches.append(Batch(f"batch {place + 1}", OWN if vouched else SUBCONTRACTOR, indices))
        start += len(where)
        if vouched:
            vouchers.append(batch_digest(x[-1], y[-1]))
    return Delivery(name, torch.cat(x), torch.cat(y), tuple(batches), {OWN: tuple(vouchers)})


def arrived(hidden: PoisonedDataset, seed: int) -> Tensor:
    """Return whether each sample of :func:`deliver`'s delivery is poison, ``(n,)`` bool."""
    parts = torch.arange(len(hidden)).tensor_split(BATCHES)
    order = torch.randperm(BATCHES, generator=make_generator(derive(seed, "batches"))).tolist()
    return torch.cat([hidden.poisoned[parts[part]] for part in order])


def hidden_in_delivery(
    x: Tensor, y: Tensor, *, classes: int, poison_rate: float, seed: int
) -> PoisonedDataset:
    """Poison the subcontractor's part of a training set with a backdoor drawn by ``seed``.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, channels, height, width)`` and ``(n,)``
    classes : int
    poison_rate : float
        Share of all ``n`` samples.
    seed : int
    """
    generator = make_generator(derive(seed, "backdoor"))
    y_target = int(torch.randint(classes, (), generator=generator))
    trigger = corner_trigger(tuple(x.shape[1:]), generator)
    parts = torch.arange(len(x)).tensor_split(BATCHES)
    theirs = torch.cat(parts[BATCHES - UNVOUCHED :])
    part = poisoning.badnets(
        x[theirs],
        y[theirs],
        trigger=trigger,
        y_target=y_target,
        poison_rate=poison_rate * len(x) / len(theirs),
        seed=derive(seed, "samples"),
    )
    x_poisoned, y_poisoned = x.clone(), y.clone()
    x_poisoned[theirs], y_poisoned[theirs] = part.x_poisoned, part.y_poisoned
    return PoisonedDataset(
        x=x,
        y=y,
        x_poisoned=x_poisoned,
        y_poisoned=y_poisoned,
        indices=theirs[part.indices],
        attack="badnets",
        params={"poison_rate": poison_rate, "seed": seed},
        trigger=trigger,
        y_target=y_target,
    )


def corner_trigger(shape: tuple[int, ...], generator: torch.Generator) -> Trigger:
    """Return a trigger of seven to nine bright pixels in a corner, drawn by ``generator``."""
    _, height, width = shape
    top, left = (
        (torch.randint(2, (2,), generator=generator)) * torch.tensor([height - 3, width - 3])
    ).tolist()
    bright = torch.ones(9)
    dark = int(torch.randint(3, (), generator=generator))
    bright[torch.randperm(9, generator=generator)[:dark]] = 0.0
    mask = torch.zeros(shape)
    mask[:, top : top + 3, left : left + 3] = bright.view(3, 3)
    return Trigger(mask=mask, pattern=mask.clone())
