"""Adversarial training: the model meets the attack in every batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.errors import InvalidInputError
from labkit.core.results import AdversarialExamples
from labkit.defenses.robust_training.loop import AfterEpoch, Training
from labkit.models.classifier import TorchClassifier
from labkit.models.training import Progress

__all__ = ["adversarial_training"]


def adversarial_training(
    module: str | nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    attack: Callable[[TorchClassifier, Tensor, Tensor], Tensor | AdversarialExamples],
    classes: int | None = None,
    epochs: int = 20,
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
    after_epoch: AfterEpoch | None = None,
) -> TorchClassifier:
    """Train on what an attack makes of each batch, instead of the batch itself.

    Parameters
    ----------
    module : str or nn.Module
        Name of an architecture, built anew, or a network to begin from (it is copied).
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Training inputs and their classes.
    attack : function
        ``attack(model, x, y)`` returns ``x_adv``, or the result of an attack that holds it;
        it is handed in, so any attack will do.
    classes : int, optional
        Classes of an architecture that is built by name; as many as ``y`` shows by default.
    epochs, batch_size : int
        Passes over the data, and samples a step.
    lr : float
        Peak learning rate.
    seed : int
        Decides the first weights and the order of the samples.
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
        When there is nothing to train on, or what the attack makes is no batch to train on.

    References
    ----------
    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks",
    ICLR 2018.  https://arxiv.org/abs/1706.06083
    """
    perturb = _checked(attack)

    def loss(
        model: TorchClassifier, inputs: Tensor, labels: Tensor, _: torch.Generator, done: float
    ) -> Tensor:
        x_adv = perturb(model, inputs, labels).detach()
        return functional.cross_entropy(model.module.train()(x_adv), labels)

    training = Training(epochs, lr, batch_size, seed, progress, after_epoch)
    return training.run(module, x, y, classes=classes, loss=loss)


def _checked(
    attack: Callable[[TorchClassifier, Tensor, Tensor], Tensor | AdversarialExamples],
) -> Callable[[TorchClassifier, Tensor, Tensor], Tensor]:
    def perturb(model: TorchClassifier, x: Tensor, y: Tensor) -> Tensor:
        made = attack(model, x, y)
        x_adv = made.x_adv if isinstance(made, AdversarialExamples) else made
        if not isinstance(x_adv, Tensor) or x_adv.shape != x.shape or not x_adv.isfinite().all():
            got = tuple(x_adv.shape) if isinstance(x_adv, Tensor) else type(x_adv).__name__
            raise InvalidInputError(
                f"expected the attack to return x_adv, finite and of shape {tuple(x.shape)}; got {got}"
            )
        return x_adv

    return perturb
