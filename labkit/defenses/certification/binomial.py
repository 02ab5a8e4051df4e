"""Exact statements about a coin that was thrown n times."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError

__all__ = ["check_confidence", "clopper_pearson", "lower_bound", "two_sided_p"]


def check_confidence(confidence: float) -> float:
    """Return ``confidence`` as a float between 0 and 1, both left out."""
    try:
        number = float(confidence)
    except (TypeError, ValueError):
        number = 0.0
    if isinstance(confidence, str | bool) or not 0 < number < 1:
        raise InvalidInputError(
            f"expected confidence between 0 and 1, such as 0.998; got {confidence!r}. "
            "It is one minus the probability that a statement is wrong."
        )
    return number


def lower_bound(hits: Tensor, n: int, confidence: float) -> Tensor:
    """Return the one-sided lower bound of a probability, by Clopper and Pearson.

    The true probability lies at or above it in at least ``confidence`` of all samples,
    whatever the probability is: the bound inverts the binomial test and approximates nothing.

    Parameters
    ----------
    hits : Tensor of whole numbers
        How often it happened, in each of several samples.
    n : int
        Throws in each sample.
    confidence : float

    Returns
    -------
    Tensor of float64, the shape of ``hits``
        0 where it never happened.

    References
    ----------
    Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26(4), 1934.  https://doi.org/10.1093/biomet/26.4.404
    """
    from scipy.stats import beta

    k = _counts(hits, n)
    bound = beta.ppf(1 - check_confidence(confidence), k.clip(min=1), n - k + 1)
    return torch.where(hits > 0, torch.as_tensor(bound, dtype=torch.float64), 0.0)


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the two-sided interval of a probability: each end is wrong in half of the failures at most."""
    half = 1 - (1 - check_confidence(confidence)) / 2
    low, missed = lower_bound(torch.tensor([hits, n - hits]), n, half).tolist()
    return low, 1 - missed


def two_sided_p(first: Tensor, second: Tensor) -> Tensor:
    """Return how likely counts so unequal are, or more so, if both were equally likely: float64.

    The exact binomial test of one half, two-sided.
    """
    from scipy.stats import binom

    total, most = (first + second).numpy(), torch.maximum(first, second).numpy()
    return torch.as_tensor(2 * binom.sf(most - 1, total, 0.5), dtype=torch.float64).clamp(max=1.0)


def _counts(hits: Tensor, n: int) -> NDArray[np.int64]:
    whole("n", n)
    if hits.is_floating_point() or (hits.numel() and not (int(hits.min()) >= 0 and int(hits.max()) <= n)):
        raise InvalidInputError(f"expected counts as whole numbers from 0 to {n}")
    return hits.numpy()
