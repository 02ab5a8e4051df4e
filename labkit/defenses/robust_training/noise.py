"""Training under Gaussian noise: what makes a network worth smoothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import length
from labkit.defenses.robust_training.loop import AfterEpoch, Training
from labkit.models.classifier import TorchClassifier
from labkit.models.training import Progress

__all__ = ["noise_training"]


def noise_training(
    module: str | nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    noise_std: float,
    classes: int | None = None,
    epochs: int = 30,
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
    after_epoch: AfterEpoch | None = None,
) -> TorchClassifier:
    """Train on inputs with fresh Gaussian noise in every batch.

    Parameters
    ----------
    module : str or nn.Module
        Name of an architecture, built anew, or a network to begin from (it is copied).
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Training inputs within [0, 1], and their classes.
    noise_std : float
        Standard deviation of the noise on every value, in the units of ``x``.  Noisy inputs
        are not clipped, because the smoothed classifier does not clip them either.
    classes : int, optional
        Classes of an architecture that is built by name; as many as ``y`` shows by default.
    epochs, batch_size : int
        Passes over the data, and samples a step.
    lr : float
        Peak learning rate.
    seed : int
        Decides the first weights, the order of the samples and the noise.
    progress : function, optional
        ``progress(done, total, message)``; an exception that it raises ends the training.
    after_epoch : function, optional
        ``after_epoch(epoch, model)``, called with the model as it is then.

    Returns
    -------
    TorchClassifier
        A new model; the network that was handed in is left as it was.

    References
    ----------
    Cohen, Rosenfeld & Kolter, "Certified Adversarial Robustness via Randomized Smoothing",
    ICML 2019, section 3.3.  https://arxiv.org/abs/1902.02918
    """
    noise_std = length("noise_std", noise_std)

    def loss(
        model: TorchClassifier, inputs: Tensor, labels: Tensor, generator: torch.Generator, _: float
    ) -> Tensor:
        noisy = inputs + noise_std * torch.randn(inputs.shape, generator=generator)
        return functional.cross_entropy(model.module.train()(noisy), labels)

    training = Training(epochs, lr, batch_size, seed, progress, after_epoch)
    return training.run(module, x, y, classes=classes, loss=loss)
