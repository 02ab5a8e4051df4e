"""Catch a trigger in use: what stays sure of itself whatever is laid over it."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.core.seeds import make_generator

__all__ = ["strip_entropy"]


def strip_entropy(
    model: Classifier,
    x: Tensor,
    *,
    overlays: Tensor,
    draws: int = 16,
    seed: int | torch.Generator = 0,
) -> Tensor:
    """Return the mean entropy of the answers when clean inputs are laid over each input.

    An ordinary input with another laid over it (added, and cut off at the bounds) is read now this
    way, now that way.  A trigger survives, and the answer stays sure: low entropy is suspicious.

    Parameters
    ----------
    model : Classifier
        The model in use; nothing but its answers is needed.
    x : Tensor of shape ``(n, ...)``
        What arrives.
    overlays : Tensor of shape ``(m, ...)``
        Clean inputs to lay over.
    draws : int
        How many of them for each input.
    seed : int or torch.Generator
        Which.

    Returns
    -------
    Tensor of shape ``(n,)``
        In nats, from 0 to the logarithm of the number of classes.

    Raises
    ------
    InvalidInputError
        When overlays and inputs are not of one shape, or there are none.

    References
    ----------
    Gao et al., "STRIP: A Defence Against Trojan Attacks on Deep Neural Networks", ACSAC 2019.
    https://arxiv.org/abs/1902.06531
    """
    if overlays.shape[1:] != x.shape[1:] or not len(overlays):
        raise InvalidInputError(
            f"expected overlays of shape (m, {', '.join(map(str, x.shape[1:]))}), got {tuple(overlays.shape)}"
        )
    count, generator = whole("draws", draws), make_generator(seed)
    if not len(x):
        return torch.zeros(0)
    picked = overlays[torch.randint(len(overlays), (len(x), count), generator=generator)]
    mixed = (x[:, None] + picked).clamp(*model.bounds).flatten(0, 1)
    chances = model.logits(mixed).softmax(1)
    entropy = -(chances * chances.clamp_min(1e-12).log()).sum(1)
    return entropy.view(len(x), count).mean(1)
