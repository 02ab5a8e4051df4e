"""LIME: a linear model of the victim, fitted in the neighbourhood of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.machine import threads
from labkit.core.protocols import Classifier
from labkit.core.results import Attribution
from labkit.core.seeds import derive
from labkit.explain.inputs import Target, expand_target
from labkit.explain.tables import check_background, check_column, check_table, quiet_numpy, score_of

__all__ = ["lime"]


def lime(
    model: Classifier,
    x: Tensor,
    target: Target = None,
    *,
    background: Tensor,
    categorical: Sequence[int] = (),
    samples: int = 1000,
    output: str = "logit",
    seed: int = 0,
) -> Attribution:
    """Explain a score of rows by LIME of the package ``lime``.

    Around each row, ``samples`` rows are drawn in which every column varies by itself, by the mean
    and the spread that it has in ``background``.  A weighted linear model is fitted to what the
    victim says about them.  A value is the slope of a column times how far the row lies from the
    mean of the column (for a categorical one: how much less often others have the value), so that it
    can be compared with SHAP.  What the columns have to do with one another is lost in the drawing.

    Parameters
    ----------
    model : Classifier
        The victim; only its answers are needed, and it is left as it was.
    x : Tensor of shape ``(n, features)``
        Rows within ``model.bounds``.
    target : int, Tensor of shape ``(n,)``, or None
        The class to explain; None explains the predicted one.
    background : Tensor of shape ``(m, features)``, float32
        Rows that say how the columns vary.
    categorical : sequence of int
        Columns of which only values of ``background`` are drawn, such as 0 and 1.
    samples : int
        Rows drawn for each explanation.
    output : str
        ``"logit"`` or ``"probability"`` of the target.
    seed : int

    Returns
    -------
    Attribution
        ``completeness_gap`` is None: LIME promises no sum.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When the model takes no rows, or an argument does not fit it.

    References
    ----------
    Ribeiro, Singh & Guestrin, "Why Should I Trust You? Explaining the Predictions of Any
    Classifier", KDD 2016.  https://arxiv.org/abs/1602.04938
    """
    columns = check_table(model, "LIME")
    target = expand_target(model, x, target)
    rows = check_background(model, background)
    asked = whole("samples", samples, at_least=columns + 1)
    fixed = sorted({check_column("categorical", each, columns) for each in categorical})
    values = torch.zeros_like(x)
    for i, label in enumerate(target.tolist()):
        score = score_of(model, label, output)
        with threads(), quiet_numpy(derive(seed, "lime", i)):
            slopes = _slopes(score, rows, x[i], fixed, asked, derive(seed, "lime", i) % 2**32)
        values[i] = slopes * _distance(x[i], rows, fixed)
    return Attribution(
        x=x,
        values=values,
        target=target,
        method="lime",
        params={"background_rows": len(rows), "samples": asked, "output": output, "seed": seed},
    )


def _slopes(score: Any, background: Tensor, row: Tensor, fixed: list[int], samples: int, seed: int) -> Tensor:
    from lime.lime_tabular import LimeTabularExplainer

    explainer = LimeTabularExplainer(
        background.double().numpy(),
        mode="regression",
        categorical_features=fixed,
        discretize_continuous=False,
        random_state=np.random.RandomState(seed),
    )
    found = explainer.explain_instance(
        row.double().numpy(), score, num_features=len(row), num_samples=samples
    )
    slopes = torch.zeros(len(row))
    for column, slope in found.local_exp[1]:  # 0 holds the same with the other sign
        slopes[int(column)] = float(slope)
    return slopes


def _distance(row: Tensor, background: Tensor, fixed: list[int]) -> Tensor:
    """Return how far a row is from its background, in the units that LIME's slopes are in."""
    spread = background.std(0, unbiased=False)
    away = torch.where(spread > 0, (row - background.mean(0)) / spread.clamp(min=1e-12), 0.0)
    for column in fixed:  # LIME asks "has the value of this row", and the mean answer is its frequency
        away[column] = 1 - (background[:, column] == row[column]).float().mean()
    return away
