"""The dispute: the owner's model with its watermark, and six services of which some are copies.

The owner's side is the same for every variant of a scenario; the suspects are not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from labkit import models
from labkit.attacks.extraction import imitate
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.extraction.sealed import Sealed
from labkit.course.cases.extraction.shares import archive, setting
from labkit.course.cases.variants import Variant
from labkit.course.lab import Scenario
from labkit.data import Split
from labkit.defenses.ownership import KeySet, embed_watermark, noise_keys
from labkit.defenses.privacy import ApiView
from labkit.models import TorchClassifier

__all__ = [
    "STOLEN",
    "WATERMARK_KEYS",
    "Own",
    "References",
    "Suspect",
    "judge_models",
    "own_side",
    "reference_models",
    "suspects_of",
    "truth_of",
    "ways_of",
]

Progress = Callable[[int, int, str], None]

WATERMARK_KEYS = 30
_RIVAL = 240  # pictures that a model without the owner's is trained on
COPIES, INDEPENDENT, HELD_BACK, JUDGES = 4, 8, 4, 6
"""Reference models of the owner, of each kind, and independent models of the judge."""

_BY_WEIGHTS, _BY_ANSWERS, _NOT = ("fine-tuned", "pruned"), ("distilled", "extracted"), "independent"
STOLEN = (*_BY_WEIGHTS, *_BY_ANSWERS)


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """The owner's side.

    Attributes
    ----------
    model : TorchClassifier
        White-box: it is the owner's.
    watermark : KeySet
        The keys that it was trained to answer.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        What it was trained on.
    x_public, y_public : Tensor of shape ``(m, ...)`` and ``(m,)`` int64
        What the owner has collected since; the model has not seen it.
    x_second, y_second : Tensor of shape ``(k, ...)`` and ``(k,)`` int64
        What the owner bought elsewhere; the model has not seen it either.
    """

    model: TorchClassifier
    watermark: KeySet
    x: Tensor
    y: Tensor
    x_public: Tensor
    y_public: Tensor
    x_second: Tensor
    y_second: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Models that the owner made to compare suspects with."""

    copies: tuple[TorchClassifier, ...]
    """Stolen by the owner from itself, the way a thief would."""
    independent: tuple[TorchClassifier, ...]
    """Trained without the owner's model, on what the owner collected since."""
    held_back: tuple[TorchClassifier, ...]
    """Trained without it on pictures of another source: what keys were tuned on is no measure of chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """A service on the market that answers with a class."""

    name: str
    service: Classifier


@lru_cache(maxsize=2)
def own_side(scenario: Scenario) -> Own:
    """Return the owner's side of a scenario; its model is trained at the first call."""
    shares = archive(scenario)
    shape, classes = tuple(shares.own.x.shape[1:]), int(shares.own.y.max()) + 1
    keys = noise_keys(WATERMARK_KEYS, shape, classes, seed=derive(0, "watermark"))
    model = embed_watermark(
        models.build(scenario.victim, shape, classes, seed=derive(0, "own")),
        shares.own.x,
        shares.own.y,
        keys,
        epochs=int(setting(scenario, "epochs")),
        lr=setting(scenario, "lr"),
        seed=derive(0, "own"),
    )
    known = (shares.own, shares.public, shares.second)
    return Own(model, keys, *(part for split in known for part in (split.x, split.y)))


def reference_models(scenario: Scenario, progress: Progress | None = None) -> References:
    """Return copies that the owner stole from itself, and models that it trained without itself."""
    if scenario not in _REFERENCES:
        own, shares = own_side(scenario), archive(scenario)
        jobs = [("copy", shares.public)] * COPIES
        jobs += [("independent", shares.public)] * INDEPENDENT + [("held back", shares.second)] * HELD_BACK
        made: dict[str, list[TorchClassifier]] = {"copy": [], "independent": [], "held back": []}
        for i, (kind, pictures) in enumerate(jobs):
            seed = derive(0, "reference", i)
            if kind == "copy":
                level = "probabilities" if i % 2 else "label"
                made[kind].append(_imitated(own.model, pictures.x, level, scenario, seed))
            else:
                made[kind].append(_trained(scenario, pictures, seed))
            if progress is not None:
                progress(i + 1, len(jobs), "training reference models")
        _REFERENCES.clear()
        _REFERENCES[scenario] = References(*(tuple(each) for each in made.values()))
    return _REFERENCES[scenario]


_REFERENCES: dict[Scenario, References] = {}


@lru_cache(maxsize=2)
def judge_models(scenario: Scenario) -> tuple[TorchClassifier, ...]:
    """Return the judge's own independent models, trained on what the owner never had."""
    market = archive(scenario).market
    return tuple(_trained(scenario, market, derive(0, "judge", i)) for i in range(JUDGES))


def ways_of(variant: Variant) -> tuple[str, ...]:
    """Return how each suspect was made, in the order in which they are issued; for the judge."""
    generator = make_generator(derive(variant.seed, "suspects"))
    by_weights = 1 + int(torch.randint(2, (), generator=generator))
    first = int(torch.randint(2, (), generator=generator))
    ways = [*_BY_ANSWERS, *(_BY_WEIGHTS[(first + i) % 2] for i in range(by_weights))]
    ways += [_NOT] * (6 - len(ways))
    return tuple(ways[i] for i in torch.randperm(6, generator=generator).tolist())


def truth_of(variant: Variant) -> tuple[bool, ...]:
    """Return which suspects are copies; for the judge."""
    return tuple(way in STOLEN for way in ways_of(variant))


def suspects_of(variant: Variant, progress: Progress | None = None) -> tuple[Suspect, ...]:
    """Make the suspects of a variant."""
    found = []
    for i, way in enumerate(ways_of(variant)):
        model = _MAKERS[way](variant.scenario, derive(variant.seed, "suspect", i))
        found.append(Suspect(f"Suspect {'ABCDEF'[i]}", Sealed(ApiView(model, "label"))))
        if progress is not None:
            progress(i + 1, 6, "opening an account with each suspect")
    return tuple(found)


# ------------------------------------------------------------------ how a suspect is made


def _fine_tuned(scenario: Scenario, seed: int) -> TorchClassifier:
    """Train the stolen weights a little longer, on other pictures."""
    other = _some(archive(scenario).market, 200, seed)
    return models.train(own_side(scenario).model.module, other.x, other.y, epochs=8, lr=2e-3, seed=seed)


def _pruned(scenario: Scenario, seed: int) -> TorchClassifier:
    """Take the smallest half of the stolen weights out."""
    own = own_side(scenario).model
    network = copy.deepcopy(own.module)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                size = layer.weight.abs()
                layer.weight *= size > size.flatten().kthvalue(size.numel() // 2).values
    return TorchClassifier(network, own.input_shape, own.classes, own.bounds)


def _distilled(scenario: Scenario, seed: int) -> TorchClassifier:
    return _imitated(own_side(scenario).model, archive(scenario).market.x, "probabilities", scenario, seed)


def _extracted(scenario: Scenario, seed: int) -> TorchClassifier:
    return _imitated(own_side(scenario).model, archive(scenario).market.x, "label", scenario, seed)


def _independent(scenario: Scenario, seed: int) -> TorchClassifier:
    return _trained(scenario, archive(scenario).market, seed)


_MAKERS: dict[str, Callable[[Scenario, int], TorchClassifier]] = {
    "fine-tuned": _fine_tuned,
    "pruned": _pruned,
    "distilled": _distilled,
    "extracted": _extracted,
    _NOT: _independent,
}


def _imitated(
    model: TorchClassifier, x: Tensor, level: str, scenario: Scenario, seed: int
) -> TorchClassifier:
    return imitate(
        ApiView(model, level),
        x,
        query_budget=2 * len(x),
        architecture=scenario.victim,
        epochs=25,
        lr=setting(scenario, "lr"),
        seed=seed,
    ).model


def _trained(scenario: Scenario, pictures: Split, seed: int) -> TorchClassifier:
    some = _some(pictures, _RIVAL, seed)
    own, epochs = own_side(scenario), int(setting(scenario, "epochs"))
    start = models.build(scenario.victim, own.model.input_shape, own.model.classes, seed=seed)
    return models.train(start, some.x, some.y, epochs=epochs, lr=setting(scenario, "lr"), seed=seed)


def _some(pictures: Split, number: int, seed: int) -> Split:
    taken = torch.randperm(len(pictures), generator=make_generator(seed))[:number]
    return Split(pictures.x[taken], pictures.y[taken])
