"""Reweighing: weights under which group and label have nothing to do with each other."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import class_numbers, tensor
from labkit.core.errors import InvalidInputError

__all__ = ["reweigh"]


def reweigh(y: Tensor, group: Tensor) -> Tensor:
    """Return a weight for each training sample, so that the weighted label does not depend on the group.

    Every sample of a group and a class gets the share that they would have together if they had
    nothing to do with each other, next to the share that they have.

    Parameters
    ----------
    y : Tensor of shape ``(n,)``, int64
        Labels, as they stand: wrong labels are balanced like right ones.
    group : Tensor of shape ``(n,)``, int64
        The protected attribute, or what stands in for it.

    Returns
    -------
    Tensor of shape ``(n,)``, float64
        With sum ``n``.  The weighted shares of the groups and of the classes stay as they were.

    Raises
    ------
    InvalidInputError
        When they do not fit together, or a group lacks a class: no weight balances nobody.

    References
    ----------
    Kamiran & Calders, "Data Preprocessing Techniques for Classification without
    Discrimination", Knowledge and Information Systems 33, 2012.
    """
    n = len(tensor("y", y))
    if n == 0:
        raise InvalidInputError("expected one label or more, got none")
    class_numbers("y", y, n)
    class_numbers("group", group, n)
    groups, of_group = torch.unique(group, return_inverse=True)
    classes, of_class = torch.unique(y, return_inverse=True)
    cells = torch.zeros(len(groups), len(classes), dtype=torch.float64)
    cells.index_put_((of_group, of_class), torch.ones(n, dtype=torch.float64), accumulate=True)
    if bool((cells == 0).any()):
        g, c = (cells == 0).nonzero()[0].tolist()
        raise InvalidInputError(
            f"expected every class in every group, got none of class {int(classes[c])} in group "
            f"{int(groups[g])}: gather such samples, or merge groups"
        )
    alone = cells.sum(1, keepdim=True) * cells.sum(0, keepdim=True) / n
    return (alone / cells)[of_group, of_class]
