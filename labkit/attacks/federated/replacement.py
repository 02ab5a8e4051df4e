"""Model replacement: a poisoned update, made so long that the mean becomes the attacker's model."""

from __future__ import annotations

from torch import Tensor

from labkit.attacks.federated._common import own_updates
from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.models.federated import Known

__all__ = ["boost_for", "model_replacement"]


def model_replacement(own: Tensor, known: Known | None = None, *, boost: float = 1.0) -> Tensor:
    """Send what was trained on poisoned data, made longer.

    The backdoor itself is in the data: the malicious clients train on samples that bear a
    trigger, for example those of :func:`labkit.attacks.poisoning.badnets`.

    Parameters
    ----------
    own : Tensor of shape ``(b, d)`` float32
        What the malicious clients trained on their poisoned data.
    known : Known, optional
        Not looked at.
    boost : float
        How many times as long; see :func:`boost_for`.

    Returns
    -------
    Tensor of shape ``(b, d)``

    References
    ----------
    Bagdasaryan, Veit, Hua, Estrin & Shmatikov, "How To Backdoor Federated Learning", AISTATS 2020.
    https://arxiv.org/abs/1807.00459
    """
    return length("boost", boost) * own_updates(own)


def boost_for(clients: int, malicious: int) -> float:
    """Return the boost with which the mean of all updates is that of the malicious clients.

    The others are taken to send next to nothing, as they do once the model has converged.
    """
    n, bad = whole("clients", clients), whole("malicious", malicious)
    if bad > n:
        raise InvalidInputError(f"expected malicious from 1 to {n}, got {bad}")
    return n / bad
