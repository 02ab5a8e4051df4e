"""Deal the samples of a data set out, so that nobody holds what somebody else is to judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.poisoning.drops import DROPS
from labkit.data import Dataset

__all__ = ["Samples", "Shares", "share_out"]

Samples = tuple[Tensor, Tensor]
"""Inputs and their true classes."""


class Shares(NamedTuple):
    """Who holds which samples; none has one of another."""

    stock: Samples
    delivery: Samples
    routine: Samples
    drops: Samples
    acceptance: Samples


_LEAST_ACCEPTED = 100
"""Samples that the acceptance set must hold, so that what is measured on it says something."""


def share_out(dataset: Dataset, settings: Mapping[str, Any], scenario: str, seed: int) -> Shares:
    """Deal out the samples of the stock, the delivery, routine deliveries, drops and acceptance set.

    Parameters
    ----------
    dataset : Dataset
    settings : mapping
        ``training_size``, ``delivery_size``, ``routine_size`` and ``drop_size``; what is left is
        the acceptance set.
    scenario : str
    seed : int

    Raises
    ------
    InvalidInputError
        When there are too few samples for these sizes.
    """
    sizes = [int(settings[name]) for name in ("training_size", "delivery_size", "routine_size")]
    n, dropped = sizes[0], DROPS * int(settings["drop_size"])
    have = len(dataset.train) + len(dataset.test)
    others = sum(sizes[1:])
    most = min(len(dataset.train) - others, have - others - dropped - _LEAST_ACCEPTED)
    if not 100 <= n <= most:
        raise InvalidInputError(
            f"expected training_size from 100 to {most}, got {n}: the data set {dataset.card.name!r} has "
            f"{have} samples, of which {others} are delivered, {dropped} come in drops and at least "
            f"{_LEAST_ACCEPTED} are kept back"
        )
    order = torch.randperm(len(dataset.train), generator=make_generator(derive(seed, "contract", scenario)))
    ends = torch.tensor(sizes).cumsum(0)
    stock, delivery, routine, rest = order.tensor_split(ends)
    x = torch.cat([dataset.train.x[rest], dataset.test.x])
    y = torch.cat([dataset.train.y[rest], dataset.test.y])
    mixed = torch.randperm(len(x), generator=make_generator(derive(seed, "kept back", scenario)))
    in_drops, kept = mixed[:dropped], mixed[dropped:]
    learned = [(dataset.train.x[part], dataset.train.y[part]) for part in (stock, delivery, routine)]
    return Shares(
        learned[0],
        learned[1],
        learned[2],
        (x[in_drops], y[in_drops]),
        (x[kept], y[kept]),
    )
