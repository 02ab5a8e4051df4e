"""Property inference: what is true of a training set as a whole, read off the answers to a few probes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from labkit.core.checks import floats
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.protocols import Classifier
from labkit.models.ensembles import Ensemble

__all__ = ["infer_property"]

_RIDGE = 1.0


def infer_property(
    models: Sequence[Classifier], x: Tensor, *, with_property: Ensemble, without_property: Ensemble
) -> Tensor:
    """Say of each model how likely its training data had a property, ``(models,)``.

    Shadows are trained on sets that have the property and on sets that have not.  Their
    answers to the probes are points in a space of many dimensions; the two clouds are told
    apart by a linear discriminant, and each victim's answers are put through it.

    Parameters
    ----------
    models : sequence of Classifier
        The victims.
    x : Tensor of shape ``(n, ...)``
        The probes: some dozens of inputs, none of which has to be a training record.
    with_property, without_property : Ensemble
        Shadows of either kind, three or more of each.

    Returns
    -------
    Tensor
        Log-odds: above 0 where the property is likelier than not.

    References
    ----------
    Ateniese et al., "Hacking Smart Machines with Smarter Ones", 2015.
    https://arxiv.org/abs/1306.4447
    Zhang, Tople & Ohrimenko, "Leakage of Dataset Properties in Multi-Party Machine Learning",
    USENIX Security 2021.  https://arxiv.org/abs/2006.07267
    """
    probes = floats("x", x, axes=2)
    if min(len(with_property), len(without_property)) < 3 or not len(models) or not len(probes):
        raise InvalidInputError(
            "expected one probe, one model and three shadows of each kind or more, got "
            f"{len(probes)} probes, {len(models)} models, {len(with_property)} and "
            f"{len(without_property)} shadows"
        )
    have, lack = (
        each.logits(probes).log_softmax(-1).flatten(1).double() for each in (with_property, without_property)
    )
    with torch.no_grad(), threads():
        asked = torch.stack([model.logits(probes).log_softmax(-1).flatten() for model in models]).double()
    within = torch.cat([have - have.mean(0), lack - lack.mean(0)])
    # There are more answers than shadows, so the spread is shrunk towards its average.
    spread = within.T @ within / (len(within) - 2)
    level = spread.diagonal().mean().clamp_min(1e-9)
    spread = spread + _RIDGE * level * torch.eye(len(spread), dtype=spread.dtype)
    direction = torch.linalg.solve(spread, have.mean(0) - lack.mean(0))
    return ((asked - (have.mean(0) + lack.mean(0)) / 2) @ direction).float()
