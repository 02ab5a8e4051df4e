"""Stealth: stay near the honest updates, and pull all the time."""

from __future__ import annotations

from statistics import NormalDist

import torch
from torch import Tensor

from labkit.attacks.federated._common import own_updates
from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.models.federated import Known

__all__ = ["a_little_is_enough", "inner_product", "unnoticed_z"]


def a_little_is_enough(own: Tensor, known: Known, *, z: float = 1.0, listens: bool = False) -> Tensor:
    """Send, from all malicious clients, the mean update less ``z`` standard deviations in every entry.

    Honest updates differ from each other anyway; whoever stays within that spread is hard to
    tell from them, and pulls every entry the same way, round after round.

    Parameters
    ----------
    own : Tensor of shape ``(b, d)`` float32
        What the malicious clients trained: they estimate mean and spread from it.
    known : Known
        With ``listens``, its ``honest`` updates count in the estimate as well.
    z : float
        How far from the mean, in standard deviations of the entry.
    listens : bool
        Whether the attackers know what the others send; otherwise there must be two of them.

    Returns
    -------
    Tensor of shape ``(b, d)``, every row the same

    Raises
    ------
    InvalidInputError
        When one attacker alone is to estimate a spread.

    References
    ----------
    Baruch, Baruch & Goldberg, "A Little Is Enough: Circumventing Defenses For Distributed
    Learning", NeurIPS 2019.  https://arxiv.org/abs/1902.06156
    """
    far, given = length("z", z), own_updates(own)
    seen = _seen(given, known, listens)
    if len(seen) < 2:
        raise InvalidInputError(
            "expected two malicious clients or more, since one cannot tell how far updates lie apart; "
            "got one: let it listen (listens=True)"
        )
    return (seen.mean(0) - far * seen.std(0)).expand_as(given).clone()


def inner_product(own: Tensor, known: Known, *, scale: float = 0.5, listens: bool = False) -> Tensor:
    """Send, from all malicious clients, the mean update the other way round, made short.

    Where honest updates lie far apart, a short step backwards lies nearer to most of them than
    they do to each other.

    Parameters
    ----------
    own : Tensor of shape ``(b, d)`` float32
        What the malicious clients trained; they estimate the mean from it.
    known : Known
        With ``listens``, its ``honest`` updates count in the estimate as well.
    scale : float
        How many times as long as the mean.
    listens : bool
        Whether the attackers know what the others send.

    Returns
    -------
    Tensor of shape ``(b, d)``, every row the same

    References
    ----------
    Xie, Koyejo & Gupta, "Fall of Empires: Breaking Byzantine-tolerant SGD by Inner Product
    Manipulation", UAI 2019.  https://arxiv.org/abs/1903.03936
    """
    back, given = length("scale", scale), own_updates(own)
    return (-back * _seen(given, known, listens).mean(0)).expand_as(given).clone()


def unnoticed_z(clients: int, malicious: int) -> float:
    """Return the ``z`` up to which enough honest clients are expected to lie farther out.

    Parameters
    ----------
    clients, malicious : int
        All clients, and how many of them are malicious; less than half.

    Returns
    -------
    float
        Zero where a majority cannot be won at all.

    References
    ----------
    Baruch et al. 2019, section 3.  https://arxiv.org/abs/1902.06156
    """
    n, bad = whole("clients", clients), whole("malicious", malicious)
    if 2 * bad >= n:
        raise InvalidInputError(f"expected malicious below half of {n} clients, got {bad}")
    supporters = n // 2 + 1 - bad
    share = (n - bad - supporters) / (n - bad)
    return max(0.0, NormalDist().inv_cdf(share)) if 0 < share < 1 else 0.0


def _seen(own: Tensor, known: Known, listens: bool) -> Tensor:
    return torch.cat([own, known.honest]) if listens else own
