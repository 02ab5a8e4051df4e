"""Entry by entry: sort what the clients say about one weight, and leave the ends out."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.defenses.aggregation._common import below_half, check_updates
from labkit.models.federated import Aggregation

__all__ = ["median", "trimmed_mean"]


def trimmed_mean(updates: Tensor, *, trim: int = 1) -> Aggregation:
    """Return, for every entry, the mean without the ``trim`` largest and the ``trim`` smallest values.

    With up to ``trim`` arbitrary clients every entry stays within what honest clients sent.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32
    trim : int
        Values left out at either end, less than half of ``n``.

    Returns
    -------
    Aggregation
        Its weights say in what share of the entries a client was among those kept.

    References
    ----------
    Yin, Chen, Ramchandran & Bartlett, "Byzantine-Robust Distributed Learning: Towards Optimal
    Statistical Rates", ICML 2018.  https://arxiv.org/abs/1803.01498
    """
    given = check_updates(updates)
    cut = below_half("trim", trim, len(given))
    values, order = given.sort(0)
    kept = slice(cut, len(given) - cut)
    counts = torch.bincount(order[kept].flatten(), minlength=len(given))
    return Aggregation(values[kept].mean(0), counts / counts.sum())


def median(updates: Tensor) -> Aggregation:
    """Return the median of every entry; of an even number, the mean of the two in the middle.

    Every entry stays within what honest clients sent as long as more than half of all are honest.

    Parameters
    ----------
    updates : Tensor of shape ``(n, d)`` float32

    References
    ----------
    Yin et al. 2018.  https://arxiv.org/abs/1803.01498
    """
    given = check_updates(updates)
    return trimmed_mean(given, trim=(len(given) - 1) // 2)
