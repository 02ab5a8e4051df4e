"""Adversarial training: the model meets the attack in every batch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.models.architectures import build
from labkit.models.classifier import TorchClassifier
from labkit.models.training import Progress, train

__all__ = ["adversarial_training"]


def adversarial_training(
    module: str | nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    attack: Callable[[TorchClassifier, Tensor, Tensor], Tensor],
    epochs: int = 20,
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> TorchClassifier:
    """Train on what an attack makes of each batch, instead of the batch itself.

    Parameters
    ----------
    module : str or nn.Module
        Name of an architecture, built anew, or a network to begin from (it is copied).
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Training inputs and their classes.
    attack : function
        ``attack(model, x, y) -> x_adv``; it is handed in, so any attack will do.
    epochs, batch_size : int
        Passes over the data, and samples a step.
    lr : float
        Peak learning rate.
    seed : int
        Decides the first weights and the order of the samples.
    progress : function, optional
        ``progress(done, total, message)``; an exception that it raises ends the training.

    Returns
    -------
    TorchClassifier
        A new model; the network that was handed in is left as it was.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks",
    ICLR 2018.  https://arxiv.org/abs/1706.06083
    """
    if isinstance(module, str):
        if y.numel() == 0:
            raise InvalidInputError("expected one training input or more, got none")
        module = build(module, tuple(x.shape[1:]), int(y.max()) + 1, seed=derive(seed, "weights"))
    return train(
        module,
        x,
        y,
        epochs=epochs,
        lr=lr,
        batch_size=batch_size,
        seed=seed,
        perturb=attack,
        progress=progress,
    )
