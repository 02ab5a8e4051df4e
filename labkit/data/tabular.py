"""Measurements instead of pictures: columns with units, brought to [0, 1] as their card says."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labkit.core.errors import IntegrityError, InvalidInputError
from labkit.data.card import DatasetCard
from labkit.data.dataset import Split

__all__ = ["in_units", "read_csv", "scaled"]


def scaled(values: NDArray[np.float64], card: DatasetCard) -> Tensor:
    """Bring columns to [0, 1] by the lowest and highest value that the card gives for each.

    Parameters
    ----------
    values : array of shape ``(n, features)``
        In the units of the card.
    card : DatasetCard

    Returns
    -------
    Tensor of shape ``(n, features)``, float32
    """
    low = np.array([feature.low for feature in card.features])
    high = np.array([feature.high for feature in card.features])
    shares = (values - low) / (high - low)
    if not np.isfinite(shares).all() or shares.min() < 0 or shares.max() > 1:
        raise IntegrityError(f"{card.path} gives other lowest and highest values than the data set has")
    return torch.from_numpy(shares.astype(np.float32))


def in_units(x: Tensor, card: DatasetCard) -> Tensor:
    """Return ``x`` of shape ``(n, features)`` in the units of the card: years, euros, millimetres.

    Raises
    ------
    InvalidInputError
        When the card is that of pictures, or ``x`` has another number of columns.
    """
    if not card.features:
        raise InvalidInputError(f"the data set {card.name!r} holds pictures, which have no units")
    if x.dim() != 2 or x.shape[1] != len(card.features):
        raise InvalidInputError(
            f"expected x of shape ('n', {len(card.features)}), a column for each feature of "
            f"{card.name!r}; got {tuple(x.shape)}"
        )
    low = torch.tensor([feature.low for feature in card.features], dtype=x.dtype)
    high = torch.tensor([feature.high for feature in card.features], dtype=x.dtype)
    return low + x * (high - low)


def read_csv(path: Path, card: DatasetCard) -> tuple[Split, Split]:
    """Read ``split``, the features of the card and the class, which is its position, in the last column."""
    names = [feature.name for feature in card.features]
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    if rows[0][:-1] != ["split", *names]:
        raise IntegrityError(f"expected {path} to begin with the columns split, {', '.join(names)}")
    train, test = (_split([row for row in rows[1:] if row[0] == split], card) for split in ("train", "test"))
    return train, test


def _split(rows: list[list[str]], card: DatasetCard) -> Split:
    values = np.array([[float(value) for value in row[1:]] for row in rows])
    return Split(scaled(values[:, :-1], card), torch.from_numpy(values[:, -1].astype(np.int64)))
