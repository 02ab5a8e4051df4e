"""Training on what another model answers: soft labels in the place of true classes."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from labkit.core.checks import floats, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.models.classifier import TorchClassifier
from labkit.models.optimiser import AdamW, one_cycle
from labkit.models.training import Augment, Progress

__all__ = ["train_on_answers"]

_LEAST = 1e-6  # stands for what was not said: its logarithm must be finite


def train_on_answers(
    module: nn.Module,
    x: Tensor,
    answers: Tensor,
    *,
    epochs: int = 60,
    lr: float = 5e-3,
    batch_size: int = 64,
    weight_decay: float = 1e-4,
    temperature: float = 1.0,
    seed: int = 0,
    bounds: tuple[float, float] = (0.0, 1.0),
    augment: Augment | None = None,
    progress: Progress | None = None,
) -> TorchClassifier:
    """Train a copy of ``module`` to give the answers that another model gave (distillation).

    Parameters
    ----------
    module : nn.Module
        Where training starts.  It is copied, and left as it was.
    x : Tensor of shape ``(n, ...)``, float32
        Inputs within ``bounds``.
    answers : Tensor of shape ``(n, classes)``, float32
        Probabilities; a row holds a 1 where only a class was named.
    epochs, batch_size, lr, weight_decay, seed, augment, progress
        As for :func:`labkit.models.train`.
    temperature : float
        Both sides are softened by it first: what the other model thought of the classes that it
        did not choose counts for more.

    Returns
    -------
    TorchClassifier
        In evaluation mode, its parameters frozen.

    References
    ----------
    Hinton, Vinyals & Dean, "Distilling the Knowledge in a Neural Network", 2015.
    https://arxiv.org/abs/1503.02531
    """
    given = floats("answers", answers, axes=2)
    if len(floats("x", x, axes=2)) == 0 or len(given) != len(x):
        raise InvalidInputError(
            f"expected one answer for each of {len(x)} inputs (1 or more), got {len(given)}"
        )
    if float(given.min()) < 0:
        raise InvalidInputError(
            "expected answers as probabilities, got one below 0: use torch.softmax(logits, 1)"
        )
    epochs, batch_size, lr = whole("epochs", epochs), whole("batch_size", batch_size), size("lr", lr)
    soft = size("temperature", temperature)
    wanted = torch.softmax(given.clamp_min(_LEAST).log() / soft, 1)
    network = copy.deepcopy(module).requires_grad_(True)
    weights = list(network.parameters())
    generator = make_generator(derive(seed, "answers"))
    steps, step = epochs * -(-len(x) // batch_size), 0
    optimiser = AdamW(weights, weight_decay=weight_decay)
    network.train()
    with threads(), torch.enable_grad():
        for epoch in range(epochs):
            for batch in torch.split(torch.randperm(len(x), generator=generator), batch_size):
                inputs = x[batch] if augment is None else augment(x[batch], generator)
                loss = -(wanted[batch] * torch.log_softmax(network(inputs) / soft, 1)).sum(1).mean()
                optimiser.step(torch.autograd.grad(loss, weights), lr * one_cycle(step / steps))
                step += 1
            if progress is not None and (epoch + 1) % max(1, epochs // 50) == 0:
                progress(epoch + 1, epochs, f"learning the answers, loss {loss.item():.2f}")
    return TorchClassifier(network.requires_grad_(False), tuple(x.shape[1:]), given.shape[1], bounds)
