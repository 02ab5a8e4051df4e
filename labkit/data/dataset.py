"""A data set in memory: two splits and the card they belong to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.data.card import DatasetCard

__all__ = ["Dataset", "Split", "digest_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples of one split.

    Attributes
    ----------
    x : Tensor of shape ``(n, *shape)``, float32
        Inputs within [0, 1].
    y : Tensor of shape ``(n,)``, int64
        Their classes.
    """

    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        if self.x.dtype != torch.float32 or self.y.dtype != torch.int64:
            raise InvalidInputError(f"expected float32 and int64, got {self.x.dtype} and {self.y.dtype}")
        if self.y.shape != self.x.shape[:1]:
            raise InvalidInputError(f"expected {len(self.x)} labels, got {tuple(self.y.shape)}")

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set: its card, and its ``train`` and ``test`` splits."""

    card: DatasetCard
    train: Split
    test: Split

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shapes and bytes of both splits, in hexadecimal."""
        return digest_of(self.train, self.test)


def digest_of(train: Split, test: Split) -> str:
    """Return the SHA-256 of the tensors of both splits: name, dtype, shape, then the bytes."""
    total = hashlib.sha256()
    for name, tensor in (
        ("train.x", train.x),
        ("train.y", train.y),
        ("test.x", test.x),
        ("test.y", test.y),
    ):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.contiguous().numpy().data)
    return total.hexdigest()
