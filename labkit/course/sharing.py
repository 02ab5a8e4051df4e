"""Deal the samples of a data set out, so that nobody holds what somebody else is to judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.course.drops import DROPS
from labkit.data import Dataset

__all__ = ["Samples", "share_out"]

Samples = tuple[Tensor, Tensor]
"""Inputs and their true classes."""

_LEAST_ACCEPTED = 100
"""Samples that the acceptance set must hold, so that what is measured on it says something."""


def share_out(
    dataset: Dataset, settings: Mapping[str, Any], scenario: str, seed: int
) -> tuple[Samples, Samples, Samples, Samples]:
    """Return the samples of the stock, the delivery, all drops and the acceptance set.

    Parameters
    ----------
    dataset : Dataset
    settings : mapping
        ``training_size``, ``delivery_size`` and ``drop_size``; what is left is the acceptance set.
    scenario : str
    seed : int

    Raises
    ------
    InvalidInputError
        When there are too few samples for these sizes.
    """
    n, m, each = (int(settings[name]) for name in ("training_size", "delivery_size", "drop_size"))
    have = len(dataset.train) + len(dataset.test)
    most = min(len(dataset.train) - m, have - m - DROPS * each - _LEAST_ACCEPTED)
    if not 100 <= n <= most or m > n:
        raise InvalidInputError(
            f"expected training_size from {max(100, m)} to {most}, got {n}: the data set "
            f"{dataset.card.name!r} has {have} samples, of which {m} are delivered, {DROPS * each} come in "
            f"drops and at least {_LEAST_ACCEPTED} are kept back"
        )
    order = torch.randperm(
        len(dataset.train), generator=make_generator(derive(seed, "contract", scenario))
    )
    stock, arriving, rest = order[:n], order[n : n + m], order[n + m :]
    x = torch.cat([dataset.train.x[rest], dataset.test.x])
    y = torch.cat([dataset.train.y[rest], dataset.test.y])
    mixed = torch.randperm(len(x), generator=make_generator(derive(seed, "kept back", scenario)))
    dropped, kept = mixed[: DROPS * each], mixed[DROPS * each :]
    parts = [(dataset.train.x[part], dataset.train.y[part]) for part in (stock, arriving)]
    return parts[0], parts[1], (x[dropped], y[dropped]), (x[kept], y[kept])
