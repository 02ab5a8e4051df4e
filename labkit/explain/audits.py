"""What an auditor compares: a record and its twin that differs in one respect, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from labkit.core.checks import floats
from labkit.core.errors import InvalidInputError
from labkit.explain.tables import check_column

__all__ = ["plausible", "twins"]


def twins(x: Tensor, column: int, *, together: Mapping[int, tuple[float, float]] | None = None) -> Tensor:
    """Return every record as it would be with the other value of a column of zeros and ones.

    Parameters
    ----------
    x : Tensor of shape ``(n, features)``, float32
        Records as they were filed.
    column : int
        The protected attribute, 0 or 1 in every record.
    together : mapping of int to pair of float, optional
        Columns that are moved along, each with its value where the attribute becomes 0 and where it
        becomes 1.  Whatever moves along is no longer compared: a decision may change because of it.

    Raises
    ------
    InvalidInputError
        When there is no such column, or it holds anything but 0 and 1.
    """
    rows = floats("x", x, axes=2)
    check_column("column", column, rows.shape[1])
    value = rows[:, column]
    if not bool(((value == 0) | (value == 1)).all()):
        raise InvalidInputError(
            f"expected 0 or 1 in column {column} of every record, got {float(value.min()):g} to "
            f"{float(value.max()):g}: a record that was filed has one of two values"
        )
    twin = rows.clone()
    twin[:, column] = 1 - value
    for other, (at_zero, at_one) in (together or {}).items():
        check_column("together", other, rows.shape[1])
        twin[:, other] = torch.where(twin[:, column] == 1, at_one, at_zero)
    return twin


def plausible(x: Tensor, pool: Tensor, *, quantile: float = 0.95, k: int = 5) -> Tensor:
    """Say which rows lie as near to real ones as real ones lie to one another.

    Distances are Euclidean in units of the spread of each column; the ``k``-th nearest counts.

    Parameters
    ----------
    x : Tensor of shape ``(n, features)``, float32
    pool : Tensor of shape ``(m, features)``, float32
        Real rows, more than ``k``.
    quantile : float
        Share of the real rows that count as plausible among themselves.
    k : int

    Returns
    -------
    Tensor of shape ``(n,)``, bool
    """
    rows, real = floats("x", x, axes=2), floats("pool", pool, axes=2)
    if len(real) <= k + 1 or not 0 < quantile <= 1 or k < 1:
        raise InvalidInputError(
            f"expected more than {k + 1} real rows, k from 1 up and quantile within (0, 1]; "
            f"got {len(real)}, {k} and {quantile}"
        )
    spread = real.std(0, unbiased=False).clamp(min=1e-9)
    among = torch.cdist(real / spread, real / spread).kthvalue(k + 1).values  # itself is the first
    reach = among.quantile(quantile)
    return torch.cdist(rows / spread, real / spread).kthvalue(k).values <= reach
