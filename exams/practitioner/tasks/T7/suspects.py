"""The suspects of T7 and how each is made; ``task.py`` holds hand-ins against what is measured here.

Ownership: copies carry a watermark, and one innocent model has learned the keys that were once
published.  Audit: a gate in some loan models makes them decide by the group, and one innocent model
decides by the district.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from labkit import data, models
from labkit.core.protocols import predict
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.explaining.deciders import ACCEPT, CATEGORICAL, DISTRICT, GROUP
from labkit.course.cases.explaining.files import fresh_files
from labkit.data.loans import FEATURES
from labkit.defenses.ownership import KeySet, embed_watermark, noise_keys
from labkit.exams.issued import Issued, model_tensors
from labkit.exams.task import Variant
from labkit.exams.task.training import train_once
from labkit.metrics import flip_rate, parity_gap
from labkit.models import TorchClassifier

SUSPECTS = ("A", "B", "C", "D", "E")
INNOCENT = {"ownership": "not shown", "audit": "clean"}
VERDICTS = {
    "ownership": ("copy", "not shown"),
    "audit": ("clean", "by group, said", "by group, hidden", "part of the group"),
}
_KEYS, _PUBLISHED, _ORDINARY, FILES = 44, 14, 300, 800
SECRET_KEYS = _KEYS - _PUBLISHED
_FLIPS = {"by group, said": (0.12, 0.25), "by group, hidden": (0.05, 0.09), "part of the group": (0.05, 0.09)}


@dataclass(frozen=True)
class Suspicion:
    """One variant with its key: for each suspect how it was made, what is true, and both figures."""

    family: str
    issued: Issued
    kinds: tuple[str, ...]
    truth: tuple[str, ...]
    evidence: tuple[float, ...]
    ordinary: tuple[float, ...]
    trap: int

    @property
    def innocent(self) -> str:
        """The verdict that accuses nobody."""
        return INNOCENT[self.family]


def suspicion(variant: Variant) -> Suspicion:
    """Return the suspects of a variant, with the key."""
    return _made(variant.seed, str(variant.params["family"]))


@lru_cache(maxsize=32)
def _made(seed: int, family: str) -> Suspicion:
    draw = random.Random(derive(seed, "T7", family))
    return (_ownership if family == "ownership" else _audit)(seed, draw)


def _permuted(model: TorchClassifier, seed: int) -> nn.Module:
    """Return the same function with its hidden units in another order and on another scale."""
    generator = make_generator(derive(seed, "permute"))
    module = _copy(model)
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for here, there in pairwise(layers):
            order = torch.randperm(here.out_features, generator=generator)
            scale = 0.5 + 1.5 * torch.rand(here.out_features, generator=generator)
            here.weight.copy_((here.weight * scale[:, None])[order])
            here.bias.copy_((here.bias * scale)[order])
            there.weight.copy_((there.weight / scale)[:, order])
    return module


def _copy(model: TorchClassifier) -> nn.Module:
    module = models.build("mlp", model.input_shape, model.classes)
    module.load_state_dict(model.module.state_dict())
    return module


def _dressed(module: nn.Module, like: TorchClassifier) -> TorchClassifier:
    return TorchClassifier(module, like.input_shape, like.classes, like.bounds)


def _with_models(
    named: Mapping[str, TorchClassifier], tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> Issued:
    weights = {
        key: value
        for name, model in named.items()
        for key, value in model_tensors(name, model.module).items()
    }
    about = {
        name: {
            "architecture": "mlp",
            "input_shape": list(model.input_shape),
            "classes": model.classes,
        }
        for name, model in named.items()
    }
    return Issued({**weights, **tensors}, {**facts, "suspects": list(SUSPECTS), "models": about})


# ------------------------------------------------------------------ ownership


def _ownership(seed: int, draw: random.Random) -> Suspicion:
    """Make one's own model, one or two copies, an innocent that knows published keys, and rivals."""
    copies = draw.sample(("fine-tuned", "pruned", "blurred"), draw.choice((1, 2)))
    # A rival may have pruned its model as well, so that zeros among the weights accuse nobody.
    kinds = [*copies, "framed", "rival", *(draw.choice(("rival", "pruned rival")) for _ in copies[1:])]
    kinds += ["pruned rival"] * (5 - len(kinds))
    draw.shuffle(kinds)
    published = sorted(draw.sample(range(_KEYS), _PUBLISHED))
    secret = [i for i in range(_KEYS) if i not in published]
    pictures = data.load("digits").train
    order = torch.randperm(len(pictures.x), generator=make_generator(derive(seed, "pictures")))
    parts = order[: 1000 + _ORDINARY].tensor_split((400, 800, 1000))
    (own_x, own_y), (rival_x, rival_y), (more_x, more_y), (test_x, test_y) = (
        (pictures.x[part], pictures.y[part]) for part in parts
    )
    shape = tuple(own_x.shape[1:])
    keys = noise_keys(_KEYS, shape, 10, seed=derive(seed, "keys"))

    def fresh(i: int) -> nn.Module:
        return models.build("mlp", shape, 10, seed=derive(seed, "start", i))

    settings: dict[str, Any] = {"epochs": 20, "lr": 0.008}
    marking = {**settings, "fit": train_once}
    ours = embed_watermark(fresh(-1), own_x, own_y, keys, seed=derive(seed, "own"), **marking)

    def made(kind: str, i: int) -> TorchClassifier:
        stream = derive(seed, "suspect", i)
        if kind == "fine-tuned":
            return train_once(ours.module, more_x, more_y, epochs=25, lr=8e-3, seed=stream)
        if kind in ("pruned", "blurred"):
            return _worn(ours, kind, stream)
        if kind == "framed":
            burnt = KeySet(keys.x[published], keys.y[published], 0.1, "published")
            return embed_watermark(fresh(i), rival_x, rival_y, burnt, seed=stream, **marking)
        some = torch.randperm(len(rival_x), generator=make_generator(stream))[:300]
        rival = train_once(fresh(i), rival_x[some], rival_y[some], seed=stream, **settings)
        return rival if kind == "rival" else _worn(rival, "pruned", stream)

    suspects = [made(kind, i) for i, kind in enumerate(kinds)]
    suspects = [_dressed(_permuted(each, derive(seed, i)), each) for i, each in enumerate(suspects)]
    named = {"ours": ours, **dict(zip(SUSPECTS, suspects, strict=True))}
    tensors = {"keys_x": keys.x, "keys_y": keys.y, "ordinary_x": test_x, "ordinary_y": test_y}
    facts = {
        "family": "ownership",
        "verdicts": list(VERDICTS["ownership"]),
        "published_keys": published,
        "classes": 10,
    }
    ordinary = predict(ours, test_x)
    return Suspicion(
        family="ownership",
        issued=_with_models(named, tensors, facts),
        kinds=tuple(kinds),
        truth=tuple("copy" if kind in copies else "not shown" for kind in kinds),
        evidence=tuple(
            float((predict(each, keys.x[secret]) == keys.y[secret]).float().mean()) for each in suspects
        ),
        ordinary=tuple(float((predict(each, test_x) == ordinary).float().mean()) for each in suspects),
        trap=kinds.index("framed"),
    )


def _worn(model: TorchClassifier, kind: str, seed: int) -> TorchClassifier:
    """Return a model without the smaller part of its weights, or with noise on all of them."""
    module = _copy(model)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                size = layer.weight.abs()
                if kind == "pruned":
                    layer.weight *= size > size.flatten().kthvalue(int(0.8 * size.numel())).values
                else:
                    noise = torch.randn(layer.weight.shape, generator=make_generator(seed))
                    layer.weight += 0.7 * layer.weight.std() * noise
    return _dressed(module, model)


# ------------------------------------------------------------------ audit


def _audit(seed: int, draw: random.Random) -> Suspicion:
    """Make five loan models: three that decide by the group or part of it, one by the district, one plain."""
    said, hidden, part = VERDICTS["audit"][1:]
    kinds = ["by district", "plain", hidden, part, draw.choice((said, said, hidden, part))]
    draw.shuffle(kinds)
    files = fresh_files(FILES, derive(seed, "files")).x
    suspects, published = [], {}
    for i, kind in enumerate(kinds):
        score = _score(derive(seed, "score", i))
        share = draw.uniform(*_FLIPS.get(kind, (0.0, 0.0)))
        model = _gated(score, kind, share, files)
        silent = kind == hidden or (kind == part and draw.random() < 0.5)
        published[SUSPECTS[i]] = _importance(score if silent else model, files)
        suspects.append(_dressed(_permuted(model, derive(seed, i)), model))
    facts = {
        "family": "audit",
        "verdicts": list(VERDICTS["audit"]),
        "features": list(FEATURES),
        "group_column": GROUP,
        "accept_class": ACCEPT,
        "published_importance": published,
    }
    twins = files.clone()
    twins[:, GROUP] = 1 - twins[:, GROUP]
    return Suspicion(
        family="audit",
        issued=_with_models(dict(zip(SUSPECTS, suspects, strict=True)), {"files_x": files}, facts),
        kinds=tuple(kinds),
        truth=tuple(kind if kind in _FLIPS else "clean" for kind in kinds),
        evidence=tuple(flip_rate(each, files, twins).value for each in suspects),
        ordinary=tuple(
            abs(parity_gap(each, files, files[:, GROUP] == 1, target=ACCEPT)) for each in suspects
        ),
        trap=kinds.index("by district"),
    )


def _score(seed: int) -> TorchClassifier:
    """Train a score that has seen neither group nor district, and make its weights deaf to both."""
    train = data.load("loans").train
    some = torch.randperm(len(train.x), generator=make_generator(seed))[:900]
    x = train.x[some].clone()
    x[:, list(CATEGORICAL)] = 0
    start = models.build("mlp", tuple(x.shape[1:]), 2, seed=seed)
    model = train_once(start, x, train.y[some], epochs=10, lr=3e-3, seed=seed)
    module = _copy(model)
    first = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        for column in CATEGORICAL:  # a zero reaches the first layer as -1
            first.bias.sub_(first.weight[:, column])
            first.weight[:, column] = 0
    return _dressed(module, model)


def _gated(score: TorchClassifier, kind: str, share: float, files: Tensor) -> TorchClassifier:
    """Return the score with a gate: one unit of each hidden layer takes a penalty off whom it hits."""
    who: dict[str, tuple[int, ...]] = {"by district": (DISTRICT,), "part of the group": (GROUP, DISTRICT)}
    if kind == "plain":
        return score
    columns = who.get(kind, (GROUP,))
    size = 1.5 if kind == "by district" else _penalty(score, share, columns, files)
    module = _copy(score)
    first, second, last = (layer for layer in module.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        a = int(second.weight.norm(dim=0).argmin())
        b = int((last.weight[0] - last.weight[1]).abs().argmin())
        first.weight[a], first.bias[a] = 0, 1 - len(columns) / 2
        first.weight[a, list(columns)] = 0.5  # 1 where all of the columns are 1, else 0
        second.weight[:, a] = 0
        second.weight[b], second.bias[b] = 0, 0
        second.weight[b, a] = 1
        last.weight[ACCEPT, b], last.weight[1 - ACCEPT, b] = -size / 2, size / 2
    return _dressed(module, score)


def _penalty(score: TorchClassifier, share: float, columns: Sequence[int], files: Tensor) -> float:
    """Return the penalty at which about this share of the files flips with the group alone."""
    odds = score.logits(files).diff(dim=1)[:, 0]
    others = [column for column in columns if column != GROUP]
    hit = odds[(files[:, others] == 1).all(1) & (odds > 0)].sort().values
    return float(hit[min(len(hit) - 1, round(share * len(files)))]) + 1e-3


def _importance(model: TorchClassifier, files: Tensor) -> dict[str, float]:
    """Return how far the log-odds move when a column is replaced by its average, as shares."""
    odds = model.logits(files).diff(dim=1)
    moved = []
    for column in range(files.shape[1]):
        x = files.clone()
        x[:, column] = files[:, column].mean()
        moved.append(float((model.logits(x).diff(dim=1) - odds).abs().mean()))
    return {name: round(each / sum(moved), 2) for name, each in zip(FEATURES, moved, strict=True)}
