"""Training whose every step is a client's protected update, as a federated server takes them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.defenses.privacy.client import client_update
from labkit.models import TorchClassifier
from labkit.models.optimiser import AdamW, one_cycle

__all__ = ["private_training"]

Progress = Callable[[int, int, str], None]


def private_training(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    clip: float | None,
    noise_multiplier: float,
    batch_size: int,
    epochs: int = 10,
    lr: float = 3e-3,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> TorchClassifier:
    """Train a copy of ``module`` on nothing but protected updates.

    Parameters
    ----------
    module : nn.Module
        Where training starts.  It is copied, and left as it was.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
    clip, noise_multiplier, batch_size : float, float and int
        As in :func:`client_update`: each step is one update of that many records.
    epochs, lr : int and float
        Passes over the records, and peak learning rate of the cycle.
    seed : int
        Decides the order of the records and the noise.
    bounds : pair of float
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    TorchClassifier
        In evaluation mode, its parameters frozen.

    Notes
    -----
    The updates are those of differentially private training, and no privacy budget is
    computed here: how much the noise is worth is measured by attacks.
    """
    size, rounds = whole("batch_size", batch_size), whole("epochs", epochs)
    if size > len(x):
        raise InvalidInputError(f"expected a batch of at most {len(x)} records, got {size}")
    length("lr", lr)
    network = copy.deepcopy(module).requires_grad_(True).eval()
    weights = list(network.parameters())
    order = make_generator(derive(seed, "order"))
    noisy = make_generator(derive(seed, "noise"))
    optimiser = AdamW(weights, weight_decay=1e-4)
    a_round = max(1, len(x) // size)
    steps = rounds * a_round
    classes = 0
    with threads(), torch.no_grad():
        classes = int(network(x[:1]).shape[1])
        for step in range(steps):
            if step % a_round == 0:
                shuffled = torch.randperm(len(x), generator=order)
            batch = shuffled[(step % a_round) * size : (step % a_round + 1) * size]
            sent = client_update(
                network, x[batch], y[batch], clip=clip, noise_multiplier=noise_multiplier, seed=noisy
            )
            optimiser.step(list(sent.gradients.values()), lr * one_cycle(step / steps))
            if progress is not None and ((step + 1) % max(1, steps // 50) == 0 or step + 1 == steps):
                progress(step + 1, steps, "training on protected updates")
    network.requires_grad_(False)
    return TorchClassifier(network, tuple(x.shape[1:]), classes, bounds)
