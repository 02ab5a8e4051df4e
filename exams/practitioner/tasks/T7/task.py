"""T7: who has our model, or who decides by the group?  The variant says which of the two it is.

Five suspects are issued as weights, in an order that the seed decides.  Ownership: copies carry a
watermark, and one innocent model has learned the keys that were once published.  Audit: a gate in
some loan models makes them decide by the group, and one innocent model decides by the district.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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
from labkit.exams.task import Measured, Variant
from labkit.metrics import binomial_p_value, flip_rate, holm, parity_gap
from labkit.models import TorchClassifier

SUSPECTS = ("A", "B", "C", "D", "E")
INNOCENT = {"ownership": "not shown", "audit": "clean"}
VERDICTS = {
    "ownership": ("copy", "not shown"),
    "audit": ("clean", "by group, said", "by group, hidden", "part of the group"),
}
_KEYS, _PUBLISHED, _ORDINARY, _FILES = 44, 14, 300, 800
_NEAR = {"ownership": 1.01 / (_KEYS - _PUBLISHED), "audit": 0.006}
"""How far a figure may lie from the measured one: one key, or five files."""
_NEAR_ORDINARY = 0.0151
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


def issue(variant: Variant) -> Issued:
    """Return suspects and the means to question them; not how any of them was made."""
    return _suspicion(variant).issued


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold verdicts and figures against what the judge measures on the same models."""
    case = _suspicion(variant)
    rows = _once(hand_in.get("verdicts", ()))
    said = [rows.get(name, {}).get("verdict", "") for name in SUSPECTS]
    near = [_is_near(rows.get(name), "evidence", case.evidence[i], _NEAR[case.family]) for i, name in _each()]
    usual = [_is_near(rows.get(name), "ordinary", case.ordinary[i], _NEAR_ORDINARY) for i, name in _each()]
    guilty = [i for i, _ in _each() if case.truth[i] != case.innocent]
    others = [i for i, _ in _each() if i not in guilty]
    guilty_near = sum(near[i] for i in guilty) / len(guilty)
    accused = [i for i, _ in _each() if said[i] not in ("", case.innocent)]
    return Measured(
        {
            "verdicts": _balanced(case.truth, said),
            # One figure for all of them is right for innocent suspects or for the others, never for both.
            "figures": guilty_near * sum(near[i] for i in others) / len(others),
            "claim": _claim(case, accused),
            "ordinary": sum(usual) / len(usual),
            "trap": guilty_near * near[case.trap],
            "wrongly_accused": float(sum(i not in guilty for i in accused)),
        },
        {
            "truth": ", ".join(f"{name} {verdict}" for name, verdict in zip(SUSPECTS, case.truth, strict=True)),
            **{f"evidence_{name}": case.evidence[i] for i, name in _each()},
            **{f"ordinary_{name}": case.ordinary[i] for i, name in _each()},
        },
    )


def _each() -> list[tuple[int, str]]:
    return list(enumerate(SUSPECTS))


def _once(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the rows by suspect; about whom two rows are handed in, nothing is said."""
    names = [row["suspect"] for row in rows]
    return {row["suspect"]: row for row in rows if names.count(row["suspect"]) == 1}


def _is_near(row: Mapping[str, Any] | None, column: str, measured: float, tolerance: float) -> bool:
    return row is not None and abs(float(row[column]) - measured) <= tolerance


def _balanced(truth: Sequence[str], said: Sequence[str]) -> float:
    """Return the mean share that is right of each kind of truth, scaled so that one answer to all is 0."""
    kinds = sorted(set(truth))
    shares = [
        sum(s == t for s, t in zip(said, truth, strict=True) if t == kind) / truth.count(kind)
        for kind in kinds
    ]
    chance = 1 / len(kinds)
    return max(0.0, (sum(shares) / len(kinds) - chance) / (1 - chance))


def _claim(case: Suspicion, accused: Sequence[int]) -> float:
    """Return what the claim should say about those whom the candidate accuses; 0 where nobody is."""
    if not accused:
        return 0.0
    if case.family == "audit":
        return 100 * max(case.evidence[i] for i in accused)
    keys = _KEYS - _PUBLISHED
    adjusted = holm([binomial_p_value(round(share * keys), keys, 0.1) for share in case.evidence])
    return math.log10(max(1e-60, max(adjusted[i] for i in accused)))


# ------------------------------------------------------------------ how a variant is made


def _suspicion(variant: Variant) -> Suspicion:
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
        for here, there in zip(layers, layers[1:], strict=False):
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
        key: value for name, model in named.items() for key, value in model_tensors(name, model.module).items()
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
    kinds = [*copies, "framed", *["rival"] * (4 - len(copies))]
    draw.shuffle(kinds)
    published = sorted(draw.sample(range(_KEYS), _PUBLISHED))
    secret = [i for i in range(_KEYS) if i not in published]
    pictures = data.load("digits").train
    order = torch.randperm(len(pictures.x), generator=make_generator(derive(seed, "pictures")))
    parts = order[: 400 + 400 + 200 + _ORDINARY].split([400, 400, 200, _ORDINARY])
    (own_x, own_y), (rival_x, rival_y), (more_x, more_y), (test_x, test_y) = (
        (pictures.x[part], pictures.y[part]) for part in parts
    )
    shape = tuple(own_x.shape[1:])
    keys = noise_keys(_KEYS, shape, 10, seed=derive(seed, "keys"))

    def fresh(i: int) -> nn.Module:
        return models.build("mlp", shape, 10, seed=derive(seed, "start", i))

    settings = {"epochs": 20, "lr": 0.008}
    ours = embed_watermark(fresh(-1), own_x, own_y, keys, seed=derive(seed, "own"), **settings)

    def made(kind: str, i: int) -> TorchClassifier:
        stream = derive(seed, "suspect", i)
        if kind == "fine-tuned":
            return models.train(ours.module, more_x, more_y, epochs=25, lr=8e-3, seed=stream)
        if kind in ("pruned", "blurred"):
            return _worn(ours, kind, stream)
        if kind == "framed":
            burnt = KeySet(keys.x[published], keys.y[published], 0.1, "published")
            return embed_watermark(fresh(i), rival_x, rival_y, burnt, seed=stream, **settings)
        some = torch.randperm(len(rival_x), generator=make_generator(stream))[:300]
        return models.train(fresh(i), rival_x[some], rival_y[some], seed=stream, **settings)

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
    """Return stolen weights without their smaller part, or with noise on all of them."""
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
    files = fresh_files(_FILES, derive(seed, "files")).x
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
        ordinary=tuple(abs(parity_gap(each, files, files[:, GROUP] == 1, target=ACCEPT)) for each in suspects),
        trap=kinds.index("by district"),
    )


def _score(seed: int) -> TorchClassifier:
    """Train a score that has seen neither group nor district, and make its weights deaf to both."""
    train = data.load("loans").train
    some = torch.randperm(len(train.x), generator=make_generator(seed))[:900]
    x = train.x[some].clone()
    x[:, list(CATEGORICAL)] = 0
    start = models.build("mlp", tuple(x.shape[1:]), 2, seed=seed)
    model = models.train(start, x, train.y[some], epochs=10, lr=3e-3, seed=seed)
    module = _copy(model)
    first = next(layer for layer in module.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        for column in CATEGORICAL:  # a zero reaches the first layer as -1
            first.bias -= first.weight[:, column]
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
