"""Equation solving: a linear model has as many unknowns as questions that it takes to know it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from labkit.attacks.extraction.stolen import RecoveredParameters
from labkit.core.checks import size
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier

__all__ = ["probe_inputs", "solve_linear", "solve_logistic"]


def probe_inputs(model: Classifier, *, reach: float | None = None) -> Tensor:
    """Return ``d + 1`` inputs that determine a linear model: a corner, and one step along each value.

    Parameters
    ----------
    model : Classifier
        Its ``bounds`` and ``input_shape`` are read; nothing is asked.
    reach : float, optional
        Length of each step; the whole width of the bounds unless given.  A short step keeps
        probabilities away from 0 and 1, a long one drowns rounding.

    Returns
    -------
    Tensor of shape ``(d + 1, *input_shape)``, float64
    """
    low, high = model.bounds
    step = high - low if reach is None else size("reach", reach)
    if step > high - low:
        raise InvalidInputError(f"expected reach up to {high - low:g}, the width of the bounds; got {step:g}")
    d = math.prod(model.input_shape)
    flat = torch.full((d + 1, d), low, dtype=torch.float64)
    flat[1:] += step * torch.eye(d, dtype=torch.float64)
    return flat.view(d + 1, *model.input_shape)


def solve_linear(model: Classifier, x: Tensor | None = None) -> RecoveredParameters:
    """Solve for the weights of a model whose outputs are linear in its inputs.

    Parameters
    ----------
    model : Classifier
        Its ``logits`` are the outputs; an :class:`labkit.attacks.Oracle` counts the questions.
    x : Tensor of shape ``(q, *input_shape)``, optional
        What to ask; :func:`probe_inputs` unless given.  With more than ``d + 1`` inputs the
        system is solved in the sense of least squares, which averages rounding out.

    Raises
    ------
    InvalidInputError
        When the inputs do not determine the weights, or the model refused an answer.

    References
    ----------
    Tramèr et al., "Stealing Machine Learning Models via Prediction APIs", USENIX Security
    2016.  https://arxiv.org/abs/1609.02943
    """
    return _solve(model, x, "solve_linear")


def solve_logistic(model: Classifier, x: Tensor | None = None, *, reach: float = 0.5) -> RecoveredParameters:
    """Solve for the weights of a multiclass logistic regression out of its probabilities.

    The logarithm of a ratio of two probabilities is linear in the input.  Probabilities do not
    change when the same number is added to all scores, so the weights are found up to that: their mean
    over the classes is 0.

    Parameters
    ----------
    model : Classifier
        Its ``logits`` are logarithms of probabilities, or scores.
    x : Tensor, optional
        As for :func:`solve_linear`.
    reach : float
        Length of each step of the default questions, as a share of the bounds.

    References
    ----------
    Tramèr et al. 2016, section 4.1.  https://arxiv.org/abs/1609.02943
    """
    low, high = model.bounds
    asked = probe_inputs(model, reach=reach * (high - low)) if x is None else x
    return _solve(model, asked, "solve_logistic", centred=True)


def _solve(model: Classifier, x: Tensor | None, attack: str, *, centred: bool = False) -> RecoveredParameters:
    asked = probe_inputs(model) if x is None else x
    system = torch.cat([asked.flatten(1).double(), torch.ones(len(asked), 1, dtype=torch.float64)], 1)
    unknowns = system.shape[1]
    if len(asked) < unknowns or int(torch.linalg.matrix_rank(system)) < unknowns:
        raise InvalidInputError(
            f"expected {unknowns} independent inputs or more for {unknowns} unknowns, got {len(asked)} "
            "that do not determine them: use probe_inputs(model)"
        )
    outputs = model.logits(asked).double()
    if not bool(outputs.isfinite().all()):
        raise InvalidInputError("expected an answer to every question, got refusals: ask within the limits")
    if centred:
        outputs = outputs - outputs.mean(1, keepdim=True)
    found = torch.linalg.lstsq(system, outputs).solution.T
    return RecoveredParameters(
        weights=found[:, :-1].contiguous(),
        bias=found[:, -1].contiguous(),
        attack=attack,
        queries=len(asked),
        params={"inputs": len(asked), "unknowns": unknowns},
    )
