"""Fast adversarial training: one step from a random start, and the collapse that it may end in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import length
from labkit.defenses.robust_training.loop import AfterEpoch, Training
from labkit.models.classifier import TorchClassifier
from labkit.models.training import Progress

__all__ = ["fast_adversarial_training"]


def fast_adversarial_training(
    module: str | nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    step_size: float | None = None,
    random_start: bool = True,
    classes: int | None = None,
    epochs: int = 20,
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
    after_epoch: AfterEpoch | None = None,
) -> TorchClassifier:
    """Train on one step along the sign of the gradient: the price of two ordinary trainings.

    It may overfit to its own attack from one epoch to the next: accuracy under a single step
    goes on rising, and under many small ones it falls to nothing (*catastrophic overfitting*).
    Watch it with ``after_epoch`` and an attack of many steps; the loss of the training, and
    FGSM, do not show it.

    Parameters
    ----------
    module : str or nn.Module
        Name of an architecture, built anew, or a network to begin from (it is copied).
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Training inputs within [0, 1], and their classes.
    epsilon : float
        Budget in L-infinity, in the units of ``x``.
    step_size : float, optional
        Length of the step; ``1.25 * epsilon`` by default, and ``epsilon`` without a random
        start, which makes it FGSM.
    random_start : bool
        Begin the step anywhere in the ball in place of at ``x``.
    classes : int, optional
        Classes of an architecture that is built by name; as many as ``y`` shows by default.
    epochs, batch_size : int
        Passes over the data, and samples a step.
    lr : float
        Peak learning rate.
    seed : int
        Decides the first weights, the order of the samples and the starting points.
    progress : function, optional
        ``progress(done, total, message)``; an exception that it raises ends the training.
    after_epoch : function, optional
        ``after_epoch(epoch, model)``, called with the model as it is then.

    Returns
    -------
    TorchClassifier
        A new model; the network that was handed in is left as it was.

    Raises
    ------
    InvalidInputError
        When there is nothing to train on, or a parameter is out of its range.

    References
    ----------
    Wong, Rice & Kolter, "Fast is better than free: Revisiting adversarial training",
    ICLR 2020.  https://arxiv.org/abs/2001.03994
    """
    epsilon = length("epsilon", epsilon)
    usual = 1.25 * epsilon if random_start else epsilon
    stride = usual if step_size is None else length("step_size", step_size)

    def loss(
        model: TorchClassifier, inputs: Tensor, labels: Tensor, generator: torch.Generator, _: float
    ) -> Tensor:
        start = inputs
        if random_start:
            start = inputs + epsilon * (2 * torch.rand(inputs.shape, generator=generator) - 1)
        start = start.clamp(0.0, 1.0).requires_grad_(True)
        (gradient,) = torch.autograd.grad(functional.cross_entropy(model.forward(start), labels), start)
        delta = (start.detach() + stride * gradient.sign() - inputs).clamp(-epsilon, epsilon)
        x_adv = (inputs + delta).clamp(0.0, 1.0)
        return functional.cross_entropy(model.module.train()(x_adv), labels)

    training = Training(epochs, lr, batch_size, seed, progress, after_epoch)
    return training.run(module, x, y, classes=classes, loss=loss)
