"""What explainers ask a model about: rows put together by a rule, which nobody ever filed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.core.checks import floats, whole
from labkit.core.seeds import make_generator

__all__ = ["perturb_like_lime", "perturb_like_shap"]


def perturb_like_lime(
    x: Tensor, *, copies: int = 1, categorical: Sequence[int] = (), seed: int | torch.Generator = 0
) -> Tensor:
    """Return rows as LIME draws them: every column by itself, with its own mean and spread.

    Parameters
    ----------
    x : Tensor of shape ``(n, features)``, float32
        Real rows.
    copies : int
        Rows to draw for each of them.
    categorical : sequence of int
        Columns of which only values that occur are drawn.
    seed : int or torch.Generator

    Returns
    -------
    Tensor of shape ``(copies * n, features)``, float32
    """
    rows, generator = floats("x", x, axes=2), make_generator(seed)
    n, columns = whole("copies", copies) * len(rows), rows.shape[1]
    drawn = rows.mean(0) + rows.std(0, unbiased=False) * torch.randn(n, columns, generator=generator)
    for column in categorical:
        drawn[:, column] = rows[torch.randint(len(rows), (n,), generator=generator), column]
    return drawn


def perturb_like_shap(
    x: Tensor, *, background: Tensor | None = None, copies: int = 1, seed: int | torch.Generator = 0
) -> Tensor:
    """Return rows as SHAP asks about them: some columns of one row, the others of a background.

    How many columns are taken is drawn first, as the weights of Kernel SHAP have it: few or nearly
    all more often than half.

    Parameters
    ----------
    x : Tensor of shape ``(n, features)``, float32
        Real rows.
    background : Tensor of shape ``(m, features)``, optional
        What the explainer is expected to fill in; the rows themselves by default.
    copies : int
        Rows to make of each of them.
    seed : int or torch.Generator

    Returns
    -------
    Tensor of shape ``(copies * n, features)``, float32

    References
    ----------
    Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017.
    https://arxiv.org/abs/1705.07874
    """
    rows, generator = floats("x", x, axes=2), make_generator(seed)
    n, columns = whole("copies", copies) * len(rows), rows.shape[1]
    sizes = torch.arange(1, columns, dtype=torch.float64)
    often = 1 / (sizes * (columns - sizes))
    taken = 1 + torch.multinomial(often, n, replacement=True, generator=generator)
    order = torch.rand(n, columns, generator=generator).argsort(1).argsort(1)
    own = rows.repeat(copies, 1)
    filled = rows if background is None else floats("background", background, axes=2)
    other = filled[torch.randint(len(filled), (n,), generator=generator)]
    return torch.where(order < taken[:, None], own, other)
