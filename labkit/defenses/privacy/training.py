"""Training whose every step is a client's protected update, as a federated server takes them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from labkit.core.checks import class_numbers, floats, interval, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.defenses.privacy.client import classes_of, client_update, protected_mean
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
    records, rounds = whole("batch_size", batch_size), whole("epochs", epochs)
    lr, bounds = size("lr", lr), interval("bounds", bounds)
    if records > len(floats("x", x, axes=1)):
        raise InvalidInputError(f"expected a batch of at most {len(x)} records, got {records}")
    network = copy.deepcopy(module).requires_grad_(True).eval()
    weights = list(network.parameters())
    order = make_generator(derive(seed, "order"))
    noisy = make_generator(derive(seed, "noise"))
    optimiser = AdamW(weights, weight_decay=1e-4)
    a_round = max(1, len(x) // records)
    steps = rounds * a_round
    with threads(), torch.no_grad():
        classes = classes_of(network, x)
        class_numbers("y", y, len(x), classes)
        # One update with every check; those of the training differ from it in nothing but the records.
        first = client_update(network, x[:1], y[:1], clip=clip, noise_multiplier=noise_multiplier)
        limit, noise = first.clip, first.noise_multiplier
        for step in range(steps):
            if step % a_round == 0:
                shuffled = torch.randperm(len(x), generator=order)
            batch = shuffled[(step % a_round) * records : (step % a_round + 1) * records]
            sent, _ = protected_mean(network, x[batch], y[batch], limit, noise, noisy)
            optimiser.step(list(sent.values()), lr * one_cycle(step / steps))
            if progress is not None and ((step + 1) % max(1, steps // 50) == 0 or step + 1 == steps):
                progress(step + 1, steps, "training on protected updates")
    network.requires_grad_(False)
    return TorchClassifier(network, tuple(x.shape[1:]), classes, bounds)
