"""Permutation importance: what is lost when a column is shuffled over all rows."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.protocols import Classifier, check_batch, predict
from labkit.core.seeds import make_generator
from labkit.explain.tables import check_table

__all__ = ["permutation_importance"]


def permutation_importance(
    model: Classifier,
    x: Tensor,
    y: Tensor | None = None,
    *,
    repeats: int = 5,
    seed: int | torch.Generator = 0,
) -> Tensor:
    """Return how much accuracy is lost when one column is shuffled over all rows, column by column.

    It is about a model as a whole and says nothing about one row.  A shuffled column no longer fits
    the other columns of its row: the model is asked about rows that nobody filled in.

    Parameters
    ----------
    model : Classifier
        The victim; only its answers are needed, and it is left as it was.
    x : Tensor of shape ``(n, features)``
    y : Tensor of shape ``(n,)``, optional
        True classes; without them the model's own decisions, and what comes out is the share of
        decisions that change.
    repeats : int
        Shuffles of each column.
    seed : int or torch.Generator

    Returns
    -------
    Tensor of shape ``(repeats, features)``, float32
        Shares, from -1 to 1.

    Raises
    ------
    InvalidInputError
        When the model takes no rows, or ``x`` and ``y`` do not fit it.

    References
    ----------
    Breiman, "Random Forests", Machine Learning 45, 2001; Fisher, Rudin & Dominici, "All Models are
    Wrong, but Many are Useful", JMLR 20, 2019.  https://arxiv.org/abs/1801.01489
    """
    columns = check_table(model, "permutation importance")
    truth = predict(model, x) if y is None else y
    check_batch(model, x, truth)
    generator = make_generator(seed)
    before = float((predict(model, x) == truth).float().mean()) if len(x) else 0.0
    lost = torch.zeros((whole("repeats", repeats), columns))
    for i in range(len(lost)):
        for column in range(columns):
            shuffled = x.clone()
            shuffled[:, column] = x[torch.randperm(len(x), generator=generator), column]
            lost[i, column] = before - float((predict(model, shuffled) == truth).float().mean())
    return lost
