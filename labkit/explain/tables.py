"""What the explanations of tables share: checked inputs, and the model as a function of rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labkit.core.checks import floats
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive

__all__ = ["OUTPUTS", "check_background", "check_column", "check_table", "quiet_numpy", "score_of"]

OUTPUTS = ("logit", "probability")
"""What an explanation may be about: the logit of the target, or its probability."""

Rows = NDArray[np.floating[Any]]


def check_table(model: Classifier, technique: str) -> int:
    """Return how many columns the inputs of ``model`` have.

    Raises
    ------
    InvalidInputError
        When its inputs are no rows of a table.
    """
    if len(model.input_shape) != 1:
        raise InvalidInputError(
            f"{technique} explains tables, inputs of shape ('features',); this model takes "
            f"{tuple(model.input_shape)}. Use occlusion(), integrated_gradients() or grad_cam()."
        )
    return model.input_shape[0]


def check_column(name: str, column: int, columns: int) -> int:
    """Return a position of a column.

    Raises
    ------
    InvalidInputError
        When there is no such column.
    """
    if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < columns:
        raise InvalidInputError(f"expected {name} as a column from 0 to {columns - 1}, got {column!r}")
    return column


def check_background(model: Classifier, background: Tensor) -> Tensor:
    """Return the rows that stand for "nothing is known", ``(m, features)``, one or more.

    Raises
    ------
    InvalidInputError
        When they are no float32 rows of this model.
    """
    rows = floats("background", background, axes=2)
    if not len(rows) or tuple(rows.shape[1:]) != tuple(model.input_shape):
        raise InvalidInputError(
            f"expected background of shape ('m', {model.input_shape[0]}), one row or more; "
            f"got {tuple(rows.shape)}"
        )
    return rows.detach()


def score_of(model: Classifier, target: int, output: str) -> Callable[[Rows], NDArray[np.float64]]:
    """Return the model as other libraries want it: rows in, one number a row out.

    Raises
    ------
    UnknownNameError
        When ``output`` is not of :data:`OUTPUTS`.
    """
    if output not in OUTPUTS:
        raise UnknownNameError("output to explain", output, OUTPUTS)

    def score(rows: Rows) -> NDArray[np.float64]:
        logits = model.logits(torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)))
        values = logits if output == "logit" else logits.softmax(1)
        return values[:, target].double().numpy()

    return score


@contextmanager
def quiet_numpy(seed: int) -> Iterator[None]:
    """Give a library that draws from NumPy's global generator a stream of its own, and put it back.

    Its warnings about itself are kept from the caller, who can do nothing about them.
    """
    before = np.random.get_state()
    np.random.seed(derive(seed, "numpy") % 2**32)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(before)
