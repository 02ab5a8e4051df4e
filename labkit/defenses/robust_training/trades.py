"""TRADES: one dial between reading well and giving the same answer all around an input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import length, size, whole
from labkit.core.threat import Norm
from labkit.defenses.robust_training.loop import AfterEpoch, Training
from labkit.models.classifier import TorchClassifier
from labkit.models.training import Progress

__all__ = ["trades"]

_START = 1e-3  # the gradient of the divergence is zero at the input itself


def trades(
    module: str | nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    norm: Norm = Norm.LINF,
    steps: int = 5,
    step_size: float | None = None,
    beta: float = 6.0,
    classes: int | None = None,
    epochs: int = 20,
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
    after_epoch: AfterEpoch | None = None,
) -> TorchClassifier:
    """Train on the loss at the clean input plus ``beta`` times how far answers drift around it.

    The drift is the Kullback-Leibler divergence of the answer inside the ball from the answer
    at the input, at the point where a search of ``steps`` steps finds it largest.  Labels have
    no part in that search.

    Parameters
    ----------
    module : str or nn.Module
        Name of an architecture, built anew, or a network to begin from (it is copied).
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Training inputs within [0, 1], and their classes.
    epsilon : float
        Size of the ball, in the units of ``x``.
    norm : Norm
        How that size is measured.
    steps : int
        Steps of the search for the largest drift.
    step_size : float, optional
        Length of one step; ``2.5 * epsilon / steps`` by default.
    beta : float
        Weight of the drift; 0 is ordinary training.
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
    Zhang et al., "Theoretically Principled Trade-off between Robustness and Accuracy",
    ICML 2019.  https://arxiv.org/abs/1901.08573
    """
    epsilon, beta, norm = length("epsilon", epsilon), length("beta", beta), Norm(norm)
    steps = whole("steps", steps)
    stride = 2.5 * epsilon / steps if step_size is None else size("step_size", step_size)

    def loss(
        model: TorchClassifier, inputs: Tensor, labels: Tensor, generator: torch.Generator, _: float
    ) -> Tensor:
        x_adv = _most_drift(model.forward, inputs, epsilon, norm, steps, stride, generator)
        network = model.module.train()
        # One pass for both halves: batch norm then sees what it will see later, clean and not.
        clean, moved = network(torch.cat([inputs, x_adv])).split(len(inputs))
        return functional.cross_entropy(clean, labels) + beta * _drift(clean, moved)

    training = Training(epochs, lr, batch_size, seed, progress, after_epoch)
    return training.run(module, x, y, classes=classes, loss=loss)


def _drift(clean: Tensor, moved: Tensor) -> Tensor:
    """Return the divergence KL(answer at the input, answer nearby), the mean over the batch."""
    return functional.kl_div(
        moved.log_softmax(1), clean.log_softmax(1), reduction="batchmean", log_target=True
    )


def _most_drift(
    forward: Callable[[Tensor], Tensor],
    x: Tensor,
    epsilon: float,
    norm: Norm,
    steps: int,
    step_size: float,
    generator: torch.Generator,
) -> Tensor:
    """Return points of the ball, within [0, 1], whose answers differ most from those at ``x``."""
    with torch.no_grad():
        clean = forward(x)
    x_adv = x + _START * torch.randn(x.shape, generator=generator)
    for _ in range(steps):
        x_adv.requires_grad_(True)
        (gradient,) = torch.autograd.grad(_drift(clean, forward(x_adv)), x_adv)
        moved = x_adv.detach() + step_size * norm.steepest(gradient)
        x_adv = (x + norm.project(moved - x, epsilon)).clamp(0.0, 1.0)
    return x_adv.detach()
