"""Counterfactuals: the few values of a row that would have to be others for another decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.protocols import Classifier, check_batch, predict
from labkit.explain.tables import check_background, check_column, check_table

__all__ = ["Counterfactuals", "counterfactual"]

_SMALL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Counterfactuals:
    """Rows, and the nearest found rows that are decided otherwise.

    Attributes
    ----------
    x, x_hat : Tensor of shape ``(n, features)``
        The rows, and their counterfactuals; where none was found ``x_hat`` equals ``x``.
    changed : Tensor of shape ``(n, features)``, bool
        Which values differ.
    found : Tensor of shape ``(n,)``, bool
    """

    x: Tensor
    x_hat: Tensor
    changed: Tensor
    found: Tensor


def counterfactual(
    model: Classifier,
    x: Tensor,
    target: int,
    *,
    pool: Tensor,
    movable: Sequence[int] | None = None,
    neighbours: int = 5,
) -> Counterfactuals:
    """Search, for each row, a row near it that the model puts into ``target``.

    A search among real rows: of the ``neighbours`` nearest rows of ``pool`` that the model puts into
    ``target``, values are taken over one column at a time, the one that helps most first, until the
    decision changes; then every value that was not needed is put back.  The result with the fewest
    changed values counts, then the nearest.  So every changed value is one that somebody real has.

    Parameters
    ----------
    model : Classifier
        The victim; only its answers are needed, and it is left as it was.
    x : Tensor of shape ``(n, features)``
    target : int
        The wanted class.  A row that has it already is returned as it is.
    pool : Tensor of shape ``(m, features)``, float32
        Real rows.
    movable : sequence of int, optional
        Columns that may change; all by default.  Nobody can change their age for a loan.
    neighbours : int
        How many real rows are tried for each row.

    Returns
    -------
    Counterfactuals

    Raises
    ------
    InvalidInputError
        When the model takes no rows, or an argument does not fit it.

    References
    ----------
    Brughmans, Leyman & Martens, "NICE: An Algorithm for Nearest Instance Counterfactual
    Explanations", 2021.  https://arxiv.org/abs/2104.07411.  Wachter, Mittelstadt & Russell,
    "Counterfactual Explanations without Opening the Black Box", 2017.
    https://arxiv.org/abs/1711.00399
    """
    columns = check_table(model, "a counterfactual search")
    check_batch(model, x, torch.full((len(x),), target, dtype=torch.int64))
    rows = check_background(model, pool)
    free = range(columns) if movable is None else [check_column("movable", i, columns) for i in movable]
    donors = rows[predict(model, rows) == target]
    spread = rows.std(0, unbiased=False).clamp(min=_SMALL)
    x_hat, found = x.clone(), predict(model, x) == target
    for i in (~found).nonzero().flatten().tolist():
        near = ((donors - x[i]) / spread)[:, list(free)].abs().sum(1).argsort(stable=True)[:neighbours]
        tried = [_between(model, x[i], donors[j], target, free) for j in near.tolist()]
        sparse = [each for each in tried if each is not None]
        if sparse:
            x_hat[i] = min(sparse, key=lambda row, i=i: _effort(x[i], row, spread))  # type: ignore[misc]
            found[i] = True
    return Counterfactuals(x=x, x_hat=x_hat, changed=x_hat != x, found=found)


def _between(
    model: Classifier, row: Tensor, donor: Tensor, target: int, free: Sequence[int]
) -> Tensor | None:
    """Take values over from a donor until the decision changes, then put back what was not needed."""
    now, left = row.clone(), [i for i in free if row[i] != donor[i]]
    while left and int(predict(model, now[None])) != target:
        trials = now.repeat(len(left), 1)
        trials[range(len(left)), left] = donor[left]
        best = int(_margin(model, trials, target).argmax())
        now = trials[best]
        del left[best]
    if int(predict(model, now[None])) != target:
        return None
    for i in free:
        back = now.clone()
        back[i] = row[i]
        if int(predict(model, back[None])) == target:
            now = back
    return now


def _margin(model: Classifier, rows: Tensor, target: int) -> Tensor:
    logits = model.logits(rows)
    others = logits.clone()
    others[:, target] = -torch.inf
    return logits[:, target] - others.amax(1)


def _effort(row: Tensor, other: Tensor, spread: Tensor) -> tuple[int, float]:
    return int((row != other).sum()), float(((row - other) / spread).abs().sum())
