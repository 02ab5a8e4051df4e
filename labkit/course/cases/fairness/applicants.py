"""Applicants of the loan desk, drawn anew for every purpose from the structure behind ``loans``.

The desk does not keep the group; a survey does.  What the model sees are the figures that a
loan desk works with, each brought to [0, 1]: burden, late payments, savings, income,
employment, and the district.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labkit.core.seeds import derive
from labkit.data.loans import Town, applications

__all__ = ["DISTRICT", "FIGURES", "Applicants", "draw"]

FIGURES = ("burden", "late payments", "savings", "income", "employment", "district")
"""What the model sees, in the order of the columns."""

DISTRICT = FIGURES.index("district")

_LARGEST_BURDEN, _MOST_LATE = 0.4, 12.0
_INCOMES, _MOST_SAVED, _LONGEST = (600.0, 12000.0), 60000.0, 40.0


@dataclass(frozen=True, slots=True, eq=False)
class Applicants:
    """People who applied, and what became of their loans.

    Attributes
    ----------
    x : Tensor of shape ``(n, 6)``, float32
        The columns of ``FIGURES``, from 0 to 1.
    y : Tensor of shape ``(n,)``, int64
        Whether the loan was repaid, as the file says.
    group : Tensor of shape ``(n,)``, int64
        0 or 1, from a survey; in no column of ``x``.
    """

    x: Tensor
    y: Tensor
    group: Tensor

    def __len__(self) -> int:
        return len(self.x)

    @property
    def district(self) -> Tensor:
        """Where they live, ``(n,)`` int64, 0 or 1."""
        return self.x[:, DISTRICT].long()

    def told_apart_by(self, name: str) -> Tensor:
        """Return ``group`` or ``district``, whichever is named."""
        return self.group if name == "group" else self.district


def draw(n: int, town: Town, seed: int, *purpose: str | int) -> Applicants:
    """Draw applicants of a town; for another purpose, other people.

    Parameters
    ----------
    n : int
    town : Town
    seed : int
    purpose : str or int
        What they are drawn for.
    """
    columns = applications(n, seed=derive(seed, *purpose), town=town)
    income = columns["income"]
    low, high = np.log(_INCOMES)
    figures = (
        (columns["amount"] / 36 + columns["debts"] / 24) / income / _LARGEST_BURDEN,
        columns["late_payments"] / _MOST_LATE,
        np.log1p(columns["savings"] / 1000) / np.log1p(_MOST_SAVED / 1000),
        (np.log(income) - low) / (high - low),
        columns["employment"] / _LONGEST,
        columns["district"],
    )
    x = torch.from_numpy(np.stack(figures, axis=1).astype(np.float32)).clamp(0, 1)
    y, group = (torch.from_numpy(columns[name].astype(np.int64)) for name in ("repaid", "group"))
    return Applicants(x, y, group)
