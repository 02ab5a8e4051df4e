"""Training on the worst that intervals allow, so that they can prove something afterwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import length
from labkit.core.errors import InvalidInputError
from labkit.defenses.certification.intervals import box_around, interval_margins
from labkit.defenses.robust_training.loop import AfterEpoch, Training
from labkit.models.classifier import TorchClassifier
from labkit.models.training import Progress

__all__ = ["interval_training"]


def interval_training(
    module: str | nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    share: float = 0.5,
    classes: int | None = None,
    epochs: int = 40,
    lr: float = 3e-3,
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
    after_epoch: AfterEpoch | None = None,
) -> TorchClassifier:
    """Train on the worst scores that intervals allow in a box that grows while the network learns.

    In the first fifth of the steps the loss is the ordinary one; until three fifths the box
    grows to ``epsilon`` and the weight of its loss to ``share``.

    Parameters
    ----------
    module : str or nn.Module
        Name of an architecture, built anew, or a network to begin from (it is copied).  It must
        have no batch norm, which intervals pass in evaluation mode only.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Training inputs within [0, 1], and their classes.
    epsilon : float
        Half the width of the box at the end, in the units of ``x``.
    share : float
        Weight of the loss on the box at the end, from 0 to 1; the rest stays with clean inputs.
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
        When there is nothing to train on, a parameter is out of its range, or the network has
        a layer that intervals cannot pass in training.

    References
    ----------
    Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably
    Robust Models", 2018.  https://arxiv.org/abs/1810.12715
    """
    epsilon, share = length("epsilon", epsilon), length("share", share)
    if share > 1:
        raise InvalidInputError(f"expected share from 0 to 1, got {share}")

    def loss(
        model: TorchClassifier, inputs: Tensor, labels: Tensor, _: torch.Generator, done: float
    ) -> Tensor:
        network = model.module.train()
        clean = functional.cross_entropy(network(inputs), labels)
        grown = min(1.0, max(0.0, (done - 0.2) / 0.4))
        if grown == 0 or share == 0:
            return clean
        box = box_around(inputs, grown * epsilon, model.bounds)
        # What every other class can score above the right one at most; 0 for the right one.
        worst = functional.cross_entropy(-interval_margins(network, *box, labels), labels)
        weight = grown * share
        return (1 - weight) * clean + weight * worst

    training = Training(epochs, lr, batch_size, seed, progress, after_epoch)
    return training.run(module, x, y, classes=classes, loss=loss)
