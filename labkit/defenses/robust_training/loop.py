"""The loop behind every robust training: a loss of its own, and a look at the network after each epoch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from labkit.core.checks import class_numbers, floats, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import derive, make_generator
from labkit.models.architectures import build
from labkit.models.classifier import TorchClassifier
from labkit.models.optimiser import AdamW, one_cycle
from labkit.models.training import Progress

__all__ = ["AfterEpoch", "Loss", "Training"]

Loss = Callable[[TorchClassifier, Tensor, Tensor, torch.Generator, float], Tensor]
"""``loss(model, x, y, generator, done)``: what a batch is to lower, after the share ``done`` of the steps."""

AfterEpoch = Callable[[int, TorchClassifier], None]
"""``after_epoch(epoch, model)``, from 1 up; the model is in evaluation mode and goes on learning."""


@dataclass(frozen=True, slots=True)
class Training:
    """How long and how fast a network is trained.

    Attributes
    ----------
    epochs, batch_size : int
        Passes over the data, and samples a step.
    lr : float
        Peak learning rate.
    seed : int
        Decides the first weights, the order of the samples, and what the loss draws.
    progress : function, optional
        ``progress(done, total, message)``; an exception that it raises ends the training.
    after_epoch : function, optional
        See :data:`AfterEpoch`.
    """

    epochs: int
    lr: float
    batch_size: int
    seed: int
    progress: Progress | None = None
    after_epoch: AfterEpoch | None = None

    def __post_init__(self) -> None:
        whole("epochs", self.epochs)
        whole("batch_size", self.batch_size)
        size("lr", self.lr)

    def start(self, module: str | nn.Module, x: Tensor, y: Tensor, classes: int | None) -> nn.Module:
        """Return the network to begin with: built anew by its name, or a copy of ``module``."""
        if len(floats("x", x, axes=2)) == 0:
            raise InvalidInputError("expected one training input or more, got none")
        class_numbers("y", y, len(x))
        if isinstance(module, str):
            count = int(y.max()) + 1 if classes is None else classes
            return build(module, tuple(x.shape[1:]), count, seed=derive(self.seed, "weights"))
        return copy.deepcopy(module)

    def run(
        self, module: str | nn.Module, x: Tensor, y: Tensor, *, classes: int | None, loss: Loss
    ) -> TorchClassifier:
        """Return a new model, in evaluation mode and frozen, that lowers ``loss``."""
        network = self.start(module, x, y, classes).requires_grad_(True)
        weights = list(network.parameters())
        with torch.no_grad():
            outputs = int(network.eval()(x[:1]).shape[1])
        class_numbers("y", y, len(x), outputs)
        model = TorchClassifier(network, tuple(x.shape[1:]), outputs)
        optimiser, generator = AdamW(weights, weight_decay=1e-4), make_generator(derive(self.seed, "train"))
        a_pass = -(-len(x) // self.batch_size)
        done, total = 0, a_pass * self.epochs
        with threads(), torch.enable_grad():
            for epoch in range(1, self.epochs + 1):
                for batch in torch.split(torch.randperm(len(x), generator=generator), self.batch_size):
                    value = loss(model, x[batch], y[batch], generator, done / total)
                    optimiser.step(torch.autograd.grad(value, weights), self.lr * one_cycle(done / total))
                    network.eval()
                    done += 1
                    if self.progress is not None and (done % max(1, total // 100) == 0 or done == total):
                        self.progress(done, total, f"training, loss {value.item():.2f}")
                if self.after_epoch is not None:
                    self.after_epoch(epoch, model)
        network.requires_grad_(False)
        return model
