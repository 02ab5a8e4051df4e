"""SHAP: what each column adds, averaged over all orders in which the columns become known."""

from __future__ import annotations

import logging
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
from labkit.explain.tables import check_background, check_table, quiet_numpy, score_of

__all__ = ["shap"]


def shap(
    model: Classifier,
    x: Tensor,
    target: Target = None,
    *,
    background: Tensor,
    samples: int | None = None,
    output: str = "logit",
    seed: int = 0,
) -> Attribution:
    """Explain a score of rows by Kernel SHAP of the package ``shap``.

    A column that is not known yet is filled from the rows of ``background``, and the score is
    averaged over them.  So the model is asked about rows in which one applicant's columns stand
    beside another's: nobody filled in such a form, and a model may notice.

    Parameters
    ----------
    model : Classifier
        The victim; only its answers are needed, and it is left as it was.
    x : Tensor of shape ``(n, features)``
        Rows within ``model.bounds``.
    target : int, Tensor of shape ``(n,)``, or None
        The class to explain; None explains the predicted one.
    background : Tensor of shape ``(m, features)``, float32
        Rows that stand for "not known".  What comes out is relative to them.
    samples : int or None
        Groups of columns to ask about for each row; None asks about all of them, up to ten
        columns (1022 groups), which is exact, and about 2048 beyond.
    output : str
        ``"logit"`` or ``"probability"`` of the target.
    seed : int
        Decides which groups are drawn when not all are asked about.

    Returns
    -------
    Attribution
        ``completeness_gap`` is the distance of the sum of a row from
        ``score(x) - mean score(background)``, in units of ``output``.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When the model takes no rows, or ``x``, ``target``, ``background``, ``output`` do not fit.

    References
    ----------
    Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017.
    https://arxiv.org/abs/1705.07874
    """
    columns = check_table(model, "SHAP")
    target = expand_target(model, x, target)
    rows = check_background(model, background)
    asked = whole("samples", samples, at_least=columns + 1) if samples is not None else _groups(columns)
    values = torch.zeros_like(x)
    gap = torch.zeros(len(x))
    for label in sorted(set(target.tolist())):
        score = score_of(model, label, output)
        of_class = target == label
        with threads(), quiet_numpy(derive(seed, "shap", label)):
            found, base = _explained(score, rows, x[of_class], asked)
        values[of_class] = found
        promised = torch.from_numpy(score(x[of_class].numpy()) - base).float()
        gap[of_class] = (found.sum(1) - promised).abs()
    return Attribution(
        x=x,
        values=values,
        target=target,
        method="shap",
        params={"background_rows": len(rows), "samples": asked, "output": output, "seed": seed},
        completeness_gap=gap,
    )


def _groups(columns: int) -> int:
    return max(2, 2**columns - 2) if columns <= 10 else 2048


def _explained(score: Any, background: Tensor, x: Tensor, samples: int) -> tuple[Tensor, float]:
    from shap import KernelExplainer

    logging.getLogger("shap").setLevel(logging.ERROR)  # it reports every row
    explainer = KernelExplainer(score, background.numpy(), silent=True)
    found = explainer.shap_values(x.numpy(), nsamples=samples, l1_reg=0, silent=True)
    base = float(np.asarray(explainer.expected_value).reshape(-1)[0])
    return torch.from_numpy(np.asarray(found, dtype=np.float32)).reshape(x.shape), base
