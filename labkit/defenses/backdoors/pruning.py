"""Take a backdoor out: silence units that clean inputs do not use, then train a little on clean data."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.models import TorchClassifier, features, train

__all__ = ["fine_prune"]

Progress = Callable[[int, int, str], None]


def fine_prune(
    model: TorchClassifier,
    x: Tensor,
    y: Tensor,
    *,
    share: float = 0.3,
    epochs: int = 5,
    lr: float = 3e-3,
    seed: int = 0,
    progress: Progress | None = None,
) -> TorchClassifier:
    """Silence the units of the last hidden layer that clean inputs excite least, and train on.

    Parameters
    ----------
    model : TorchClassifier
        The model under suspicion: a sequence that ends in a linear layer.  It is copied.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        Clean data that one trusts.
    share : float
        Share of the units to silence, from 0 up to less than 1.
    epochs, lr, seed
        The training afterwards; see :func:`labkit.models.train`.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    TorchClassifier
        Units that were silenced stay silent.

    Raises
    ------
    InvalidInputError
        When the share is none, or the model has no such layer.

    References
    ----------
    Liu, Dolan-Gavitt & Garg, "Fine-Pruning: Defending Against Backdooring Attacks on Deep Neural
    Networks", RAID 2018.  https://arxiv.org/abs/1805.12185
    """
    if not 0 <= share < 1:
        raise InvalidInputError(f"expected share from 0 up to less than 1, got {share!r}")
    use = features(model, x).clamp_min(0).mean(0)
    silent = use.argsort(stable=True)[: int(share * len(use))]
    body = copy.deepcopy(model.module)
    assert isinstance(body, nn.Sequential)  # noqa: S101 - features() has looked
    pruned = nn.Sequential(*list(body)[:-1], _Silence(len(use), silent), body[-1])
    return train(
        pruned, x, y, epochs=whole("epochs", epochs), lr=lr, seed=seed, bounds=model.bounds, progress=progress
    )


class _Silence(nn.Module):
    """Lets some units say nothing."""

    mask: Tensor

    def __init__(self, units: int, silent: Tensor) -> None:
        super().__init__()
        mask = torch.ones(units)
        mask[silent] = 0
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask
