"""Influence of single samples: which of them a training step owes a reading to."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.errors import InvalidInputError
from labkit.defenses.sanitising.screening import check_screened

__all__ = ["sample_influence"]


def sample_influence(
    features: Tensor,
    logits: Tensor,
    y: Tensor,
    *,
    features_target: Tensor,
    logits_target: Tensor,
    read_as: int,
) -> Tensor:
    """Return how much a step on each sample raises the reading of one input as ``read_as``.

    Only the last layer counts: its gradient is the outer product of what the sample was misread by
    and its features, so the product of two gradients is a product of two products, and no gradient
    has to be computed.

    Parameters
    ----------
    features : Tensor of shape ``(n, d)``
        What the last layer is fed for each training sample (:func:`labkit.models.features`).
    logits : Tensor of shape ``(n, classes)``
        What it makes of them.
    y : Tensor of shape ``(n,)`` int64
        Their labels.
    features_target, logits_target : Tensor of shape ``(1, d)`` and ``(1, classes)``
        The same of the input whose reading is to be explained.
    read_as : int
        The class it is read as.

    Returns
    -------
    Tensor of shape ``(n,)``
        Above zero: a step on the sample makes that reading likelier.

    Raises
    ------
    InvalidInputError
        When the parts do not fit together.

    References
    ----------
    Pruthi et al., "Estimating Training Data Influence by Tracing Gradient Descent", NeurIPS 2020,
    with the last layer alone.  https://arxiv.org/abs/2002.08484
    """
    flat = check_screened(features, y)
    aimed = features_target.detach().flatten(1).float()
    if aimed.shape != (1, flat.shape[1]) or logits_target.shape != (1, logits.shape[1]):
        raise InvalidInputError(
            f"expected one input with {flat.shape[1]} features and {logits.shape[1]} logits, "
            f"got {tuple(aimed.shape)} and {tuple(logits_target.shape)}"
        )
    if logits.shape[0] != len(y) or not 0 <= read_as < logits.shape[1]:
        raise InvalidInputError(
            f"expected logits of {len(y)} samples and read_as below {logits.shape[1]}, "
            f"got {tuple(logits.shape)} and {read_as}"
        )
    errors = [
        each.detach().float().softmax(1) - functional.one_hot(labels, logits.shape[1])
        for each, labels in ((logits, y), (logits_target, torch.tensor([read_as])))
    ]
    # The bias is a feature that is always one.
    return (errors[0] @ errors[1].T).squeeze(1) * (flat @ aimed.T + 1).squeeze(1)
