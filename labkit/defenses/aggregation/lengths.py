"""Lengths: nobody may pull harder than so much, and noise covers who pulled."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import length, size
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import make_generator
from labkit.defenses.aggregation._common import check_updates
from labkit.models.federated import Aggregation, fedavg

__all__ = ["clipped_mean", "mean", "private_mean"]


def mean(updates: Tensor, *, longest: float | None = None) -> Aggregation:
    """Return the mean, every client counting alike: FedAvg among clients of one size.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    longest : float, optional
        Updates longer than so many times the median length are not used, 1 or more; all are
        without it.
    """
    given = check_updates(updates)
    if longest is None:
        return fedavg(given)
    if size("longest", longest) < 1:
        raise InvalidInputError(f"expected longest from 1 up, got {longest!r}: half must be left")
    lengths = given.double().norm(dim=1)
    weights = (lengths <= longest * lengths.quantile(0.5)).to(given.dtype)
    weights = weights / weights.sum()
    return Aggregation(weights @ given, weights)


def clipped_mean(updates: Tensor, *, clip: float | None = None) -> Aggregation:
    """Return the mean of updates that are shortened to at most ``clip``.

    Nobody is left out, so a minority is heard; and nobody is heard louder than ``clip``.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    clip : float, optional
        Longest update (L2) that counts in full; the median length of this round without it.

    References
    ----------
    Sun, Kairouz, Suresh & McMahan, "Can You Really Backdoor Federated Learning?", 2019.
    https://arxiv.org/abs/1911.07963
    """
    given = check_updates(updates)
    lengths = given.double().norm(dim=1)
    most = float(lengths.quantile(0.5)) if clip is None else size("clip", clip)
    shares = (most / lengths.clamp_min(1e-12)).clamp_max(1.0).to(given.dtype)
    return Aggregation((shares[:, None] * given).mean(0), shares / len(given))


def private_mean(
    updates: Tensor, *, clip: float = 1.0, noise_multiplier: float = 0.1, seed: int | torch.Generator = 0
) -> Aggregation:
    """Return the mean of clipped updates with Gaussian noise: differential privacy for whole clients.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    clip : float
        Longest update that counts in full.
    noise_multiplier : float
        Standard deviation of the noise on the *sum*, in units of ``clip``.  What that guarantees
        depends on how many clients there are and how often they take part; with ten it is little.
    seed : int or torch.Generator
        What the noise is drawn from.  A generator goes on from round to round; a number gives
        the same noise each time.

    References
    ----------
    McMahan, Ramage, Talwar & Zhang, "Learning Differentially Private Recurrent Language Models",
    ICLR 2018.  https://arxiv.org/abs/1710.06963
    """
    limit, sigma = size("clip", clip), length("noise_multiplier", noise_multiplier)
    made = clipped_mean(updates, clip=limit)
    drawn = torch.randn(made.update.shape, generator=make_generator(seed))
    return Aggregation(made.update + sigma * limit / len(updates) * drawn, made.weights)
