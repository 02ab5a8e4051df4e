"""The canaries of T4: records that only a model without privacy remembers.

Each is a picture of a few dots, and a coin says which of two classes it carries.  Nothing else in
the data tells on which side the coin fell, so whoever reads it out of a release has read it out of
that one record.  How often that can succeed is bounded by the privacy of the training; a release
that gives away more was not trained with the settings that are stated for it.

References
----------
Steinke, Nasr & Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023.
https://arxiv.org/abs/2305.08846
Dong, Roth & Su, "Gaussian Differential Privacy", JRSS B 84 (2022).  https://arxiv.org/abs/1905.02383
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor

from labkit.core.seeds import derive, make_generator
from labkit.defenses.privacy import gaussian_delta
from labkit.metrics import binomial_p_value
from labkit.models import TorchClassifier, build, train

CANARIES, _DOTS = 80, 8
_LEAST_NOISE, _MOST_NOISE = 0.05, 1e4


class Canaries(NamedTuple):
    """Places of the canaries among the records, their pictures, their classes, and those that they missed."""

    places: Tensor
    x: Tensor
    y: Tensor
    other: Tensor


def draw_canaries(seed: int, records: int, shape: tuple[int, ...], classes: int) -> Canaries:
    """Return the canaries of a variant, for a set of so many records."""
    generator = make_generator(derive(seed, "canaries"))
    places = torch.randperm(records, generator=generator)[:CANARIES]
    lit = torch.rand(CANARIES, math.prod(shape), generator=generator).topk(_DOTS).indices
    x = torch.zeros(CANARIES, math.prod(shape)).scatter_(1, lit, 1.0).reshape(CANARIES, *shape)
    y = torch.randint(0, classes, (CANARIES,), generator=generator)
    other = (y + torch.randint(1, classes, (CANARIES,), generator=generator)) % classes
    return Canaries(places, x, y, other)


def put_in(canaries: Canaries, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the records with the canaries in their places."""
    x, y = x.clone(), y.clone()
    x[canaries.places], y[canaries.places] = canaries.x, canaries.y
    return x, y


def without(
    canaries: Canaries, x: Tensor, y: Tensor, *, architecture: str, classes: int, seed: int
) -> TorchClassifier:
    """Return a model of all records but the canaries: what digits alone make of a picture of dots."""
    keep = torch.ones(len(x), dtype=torch.bool)
    keep[canaries.places] = False
    seed = derive(seed, "without canaries")
    start = build(architecture, tuple(x.shape[1:]), classes, seed=seed)
    return train(start, x[keep], y[keep], epochs=20, lr=0.02, seed=seed)


def remembered(release: TorchClassifier, plain: TorchClassifier, canaries: Canaries) -> int:
    """Return for how many canaries the release tells which of its two classes the coin chose.

    What the digits alone make of the pictures is taken off first.  Exchanging the two classes of
    a canary turns the sign of both margins, so the factor knows nothing of the coins.
    """
    said, usual = (_margins(model, canaries) for model in (release, plain))
    factor = max(0.0, float((said * usual).sum() / usual.square().sum()))
    return int((said - factor * usual > 0).sum())


def _margins(model: TorchClassifier, canaries: Canaries) -> Tensor:
    logits = model.logits(canaries.x).double().nan_to_num()
    own, other = (logits.gather(1, label[:, None])[:, 0] for label in (canaries.y, canaries.other))
    return own - other


def chance_of_telling(privacy_epsilon: float, privacy_delta: float) -> float:
    """Return how often one coin can be read out of a training with noise that spends so much.

    One Gaussian release that spends as much at this delta stands for the training.  Many steps
    on samples spend more of their delta on rare leaks, so they tell less in the usual case.
    What the release says with one class and with the other lies two clips apart.
    """
    if not math.isfinite(privacy_epsilon) or gaussian_delta(_LEAST_NOISE, privacy_epsilon) <= privacy_delta:
        return 1.0
    low, high = _LEAST_NOISE, _MOST_NOISE
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        low, high = (
            (middle, high) if gaussian_delta(middle, privacy_epsilon) > privacy_delta else (low, middle)
        )
    return NormalDist().cdf(1 / low)


def p_value(right: int, privacy_epsilon: float, privacy_delta: float) -> float:
    """Return how likely so many coins or more are read where what is stated was kept."""
    return binomial_p_value(right, CANARIES, chance_of_telling(privacy_epsilon, privacy_delta))
