"""Loud and lazy: push the model the other way, or send what looks like work."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.federated._common import own_updates
from labkit.core.checks import length
from labkit.models.federated import Known

__all__ = ["free_rider", "sign_flip"]


def sign_flip(own: Tensor, known: Known | None = None, *, scale: float = 4.0) -> Tensor:
    """Send the honest update the other way round, made longer.

    With ``b`` of ``n`` clients, a mean points backwards when ``scale`` is above ``(n - b) / b``.

    Parameters
    ----------
    own : Tensor of shape ``(b, d)`` float32
        What the malicious clients trained.
    known : Known, optional
        Not looked at.
    scale : float
        How many times as long as the honest update.

    Returns
    -------
    Tensor of shape ``(b, d)``

    References
    ----------
    Blanchard, El Mhamdi, Guerraoui & Stainer, "Machine Learning with Adversaries: Byzantine
    Tolerant Gradient Descent", NeurIPS 2017; as a preprint "Byzantine-Tolerant Machine Learning",
    https://arxiv.org/abs/1703.02757
    """
    return -length("scale", scale) * own_updates(own)


def free_rider(own: Tensor, known: Known, *, disguise: float = 0.1) -> Tensor:
    """Send the last move of the model with a little noise: no data, no work, the same model back.

    Parameters
    ----------
    own : Tensor of shape ``(b, d)`` float32
        Only its shape counts: a free rider trains nothing.
    known : Known
        Its ``previous`` is sent; in the first round that is nothing.
    disguise : float
        Standard deviation of the noise, as a share of that of the last move.

    Returns
    -------
    Tensor of shape ``(b, d)``

    References
    ----------
    Lin, Du & Liu, "Free-riders in Federated Learning: Attacks and Defenses", 2019.
    https://arxiv.org/abs/1911.12560
    """
    given, share = own_updates(own), length("disguise", disguise)
    drawn = torch.randn(given.shape, generator=known.generator)
    return known.previous + share * float(known.previous.std(correction=0)) * drawn
