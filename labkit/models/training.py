"""Training: a copy of a module goes in, a frozen victim comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.models.classifier import TorchClassifier
from labkit.models.optimiser import AdamW, one_cycle

__all__ = ["Augment", "Perturb", "Progress", "train"]

Progress = Callable[[int, int, str], None]
"""``progress(done, total, message)``: how far a long task is."""

Perturb = Callable[[TorchClassifier, Tensor, Tensor], Tensor]
"""``perturb(model, x, y)`` returns what the model shall train on in the place of ``x``."""

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""``augment(x, generator)`` returns randomly varied inputs of the same shape."""


def train(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int = 10,
    lr: float = 3e-3,
    batch_size: int = 64,
    weight_decay: float = 1e-4,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    perturb: Perturb | None = None,
    augment: Augment | None = None,
    progress: Progress | None = None,
) -> TorchClassifier:
    """Train a copy of ``module`` with Adam under a one-cycle learning rate.

    Parameters
    ----------
    module : nn.Module
        Where training starts.  It is copied, and left as it was.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Inputs within ``bounds`` and their classes.
    epochs, batch_size : int
        Passes over the data, and samples a step.
    lr, weight_decay : float
        Peak learning rate of the cycle, and decoupled decay of the weights.
    seed : int
        Decides the order of the samples and the augmentation.
    perturb : function, optional
        ``perturb(model, x, y) -> x_adv``: what adversarial training hands in.  It sees the
        model in evaluation mode, as an attacker would.
    augment : function, optional
        ``augment(x, generator) -> x``: random variations of a batch.
    progress : function, optional
        Called about a hundred times with ``(done, total, message)``; an exception that it
        raises ends the training.

    Returns
    -------
    TorchClassifier
        In evaluation mode, its parameters frozen (``requires_grad`` False).

    """
    _check(x, y, epochs, batch_size)
    network = copy.deepcopy(module).requires_grad_(True)
    weights = list(network.parameters())
    generator = make_generator(derive(seed, "train"))
    steps = epochs * -(-len(x) // batch_size)
    optimiser = AdamW(weights, weight_decay=weight_decay)
    model = TorchClassifier(network, tuple(x.shape[1:]), _outputs(network, x), bounds)
    with threads(), torch.enable_grad():
        for step, batch in enumerate(_batches(len(x), epochs, batch_size, generator)):
            inputs, labels = x[batch], y[batch]
            if augment is not None:
                inputs = augment(inputs, generator)
            if perturb is not None:
                inputs = perturb(model, inputs, labels).detach()
            network.train()
            loss = functional.cross_entropy(network(inputs), labels)
            optimiser.step(torch.autograd.grad(loss, weights), lr * one_cycle(step / steps))
            network.eval()
            if progress is not None and ((step + 1) % max(1, steps // 100) == 0 or step + 1 == steps):
                progress(step + 1, steps, f"training, loss {loss.item():.2f}")
    network.requires_grad_(False)
    return model


def _batches(samples: int, epochs: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    """Return the indices of every batch, in an order drawn anew for each epoch."""
    return [
        batch
        for _ in range(epochs)
        for batch in torch.split(torch.randperm(samples, generator=generator), batch_size)
    ]


def _outputs(network: nn.Module, x: Tensor) -> int:
    with torch.no_grad():
        return int(network.eval()(x[:1]).shape[1])


def _check(x: Tensor, y: Tensor, epochs: int, batch_size: int) -> None:
    if not x.is_floating_point() or len(x) == 0:
        raise InvalidInputError(f"expected x as floats, one sample or more; got {x.dtype}, {tuple(x.shape)}")
    if y.dtype != torch.int64 or y.shape != x.shape[:1]:
        raise InvalidInputError(
            f"expected y as int64 of shape ({len(x)},), got {y.dtype} of shape {tuple(y.shape)}"
        )
    if epochs < 1 or batch_size < 1:
        raise InvalidInputError(f"expected epochs and batch_size from 1 up, got {epochs} and {batch_size}")
