"""Attribute inference: fill in what is unknown about a record so that the model is least surprised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.attacks.membership._common import answers
from labkit.core.checks import floats, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier

__all__ = ["AttributeGuesses", "infer_attribute"]


@dataclass(frozen=True, slots=True, eq=False)
class AttributeGuesses:
    """What an unknown value of each record was taken for.

    Attributes
    ----------
    values : Tensor of shape ``(n,)``
        The likeliest value of each record.
    chances : Tensor of shape ``(n, options)``
        How likely each option was taken to be; each row adds up to 1.
    options : tuple of float
    queries : int
        How many inputs the victim was asked about.
    """

    values: Tensor
    chances: Tensor
    options: tuple[float, ...]
    queries: int


def infer_attribute(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    feature: int,
    options: Sequence[float],
    prior: Sequence[float] | None = None,
) -> AttributeGuesses:
    """Guess one value of each record from the others, its class and the answers of a model.

    Every option is written into the record and the model is asked; the option with the largest
    product of the recorded class' probability and the prior wins.  Part of what this finds
    anybody could find who knows how the values hang together: the same on records that the
    model has not seen belongs beside it.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        The records; what stands at ``feature`` is not used.
    feature : int
        Position of the unknown value in a flattened record.
    options : sequence of float
        Values that it can have.
    prior : sequence of float, optional
        How common each of them is; all alike by default.

    References
    ----------
    Fredrikson et al., "Privacy in Pharmacogenetics", USENIX Security 2014; Yeom et al., CSF
    2018.  https://arxiv.org/abs/1709.01604
    """
    known = tuple(float(option) for option in options)
    usual = torch.ones(len(known)) if prior is None else torch.as_tensor(list(prior), dtype=torch.float32)
    at = whole("feature", feature, at_least=0)
    values = floats("x", x, axes=2)[0].numel() if len(x) else 0
    if at >= values:
        raise InvalidInputError(f"expected feature from 0 to {values - 1}, got {feature}")
    if len(known) < 2 or len(usual) != len(known) or not bool((usual > 0).all()):
        raise InvalidInputError(
            f"expected two options or more with a prior above 0 for each, got {known} and {usual.tolist()}"
        )
    logs = []
    for option in known:
        filled = x.flatten(1).clone()
        filled[:, at] = option
        chances = answers(model, filled.view_as(x), y).log_softmax(1)
        logs.append(chances.gather(1, y[:, None])[:, 0])
    odds = (torch.stack(logs, 1) + (usual / usual.sum()).log()).softmax(1)
    best = odds.argmax(1)
    return AttributeGuesses(torch.tensor(known)[best], odds, known, queries=len(known) * len(x))
