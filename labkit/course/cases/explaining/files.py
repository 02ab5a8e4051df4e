"""Applications as they were filed: fresh ones that no provider has seen, and their twins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labkit import data
from labkit.core.errors import UnknownNameError
from labkit.course.cases.explaining.deciders import DISTRICT, GROUP
from labkit.data.loans import FEATURES, PROTECTED, applications
from labkit.data.tabular import scaled
from labkit.explain import twins

__all__ = ["MOVED", "PUBLISHED", "Files", "fresh_files", "published_files"]

PUBLISHED = 600
"""Records of the public sample, which every provider knows."""

MOVED = ("group", "group and district", "everything it causes")
"""What differs between a record and its twin."""


@dataclass(frozen=True, slots=True, eq=False)
class Files:
    """Applications, and the same applicants in the other group.

    Attributes
    ----------
    x : Tensor of shape ``(n, 10)``, float32
        Columns as in ``labkit.data.loans.FEATURES``, brought to [0, 1].
    x_caused : Tensor of shape ``(n, 10)``
        The same applicants, had they been born into the other group: everything that the group
        causes is different as well (Pearl's counterfactual, exact because the causes are known).
    """

    x: Tensor
    x_caused: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int) -> Files:
        """Return the first ``count`` of them."""
        return Files(self.x[:count], self.x_caused[:count])

    def twins(self, moved: str = MOVED[0]) -> Tensor:
        """Return every record with the other group, and what is moved along with it.

        Raises
        ------
        UnknownNameError
            When ``moved`` is not of :data:`MOVED`.
        """
        if moved not in MOVED:
            raise UnknownNameError("way to make a twin", str(moved), MOVED)
        if moved == MOVED[2]:
            return self.x_caused
        together = {DISTRICT: (0.0, 1.0)} if moved == MOVED[1] else None
        return twins(self.x, GROUP, together=together)


@lru_cache(maxsize=16)
def fresh_files(count: int, seed: int) -> Files:
    """Return applications that were filed last month and that nobody outside has seen."""
    return _files(count, seed % 2**63, "test")


def published_files() -> Files:
    """Return the public sample."""
    return _published()


@lru_cache(maxsize=1)
def _published() -> Files:
    return _files(PUBLISHED, data.load("loans").card.seed or 0, "train")


def _files(count: int, seed: int, split: str) -> Files:
    plain = applications(count, seed=seed, split=split)
    worlds = [_table(applications(count, seed=seed, split=split, do={PROTECTED: group})) for group in (0, 1)]
    x = _table(plain)
    return Files(x, torch.where(x[:, GROUP : GROUP + 1] == 1, worlds[0], worlds[1]))


def _table(columns: Mapping[str, NDArray[np.floating[Any]]]) -> Tensor:
    values = np.stack([columns[name] for name in FEATURES], axis=1)
    return scaled(values, data.load("loans").card)
