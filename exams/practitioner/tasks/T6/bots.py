"""Three candidates of the task on poisoned data; their recorded runs set the ends of the scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.protocols import predict
from labkit.defenses.sanitising import knn_consistency
from labkit.exams.issued import Issued, load_model, state_of
from labkit.exams.task import Variant
from labkit.models import TorchClassifier, build, train

HandIn = dict[str, Any]

_SHAPE, _CLASSES = (1, 8, 8), 10


def reference(issued: Issued, variant: Variant) -> HandIn:
    """Look for a mark that a class wears too often, then for labels a clean reader disputes; train anew."""
    x, y, trusted = _delivered(issued)
    marked = _marked(x, y, *trusted)
    faint = _faintly_marked(x, y, trusted[0]) if marked is None else marked
    suspects, kind, target = _disputed(y, _clean_reader(x, y, *trusted)) if faint is None else faint
    keep = torch.ones(len(x), dtype=torch.bool)
    keep[suspects] = False
    cleaned = _fit(torch.cat([x[keep], trusted[0]]), torch.cat([y[keep], trusted[1]]), seed=7, epochs=30)
    if marked is not None and _look_like_their_label(x[suspects], target, *trusted):
        kind = "patch with right labels"
    return {
        "indices": suspects,
        "kind": kind,
        "y_target": target,
        **_figures(issued, cleaned),
        "why_order": 3,
        "why_labels": 2,
        "why_evidence": 4,
    }


def nothing(issued: Issued, variant: Variant) -> HandIn:
    """Name nobody, and hand back the model that was delivered."""
    return {
        "indices": torch.zeros(0, dtype=torch.int64),
        "kind": "turned labels",
        "y_target": 0,
        "cleaned": state_of(issued.tensors, "victim"),
        "accuracy_before": 1.0,
        "cleaned_accuracy": 1.0,
        "why_order": 1,
        "why_labels": 1,
        "why_evidence": 1,
    }


def lazy(issued: Issued, variant: Variant) -> HandIn:
    """Ask the neighbours once, take out whom they dispute, and train anew."""
    x, y, _ = _delivered(issued)
    screened = knn_consistency(x, y, k=10, threshold=0.5)
    cleaned = _fit(x[screened.keep], y[screened.keep], seed=7, epochs=30)
    named = y[screened.indices]
    return {
        "indices": screened.indices,
        "kind": "turned labels",
        "y_target": int(named.mode().values) if len(named) else 0,
        **_figures(issued, cleaned),
        "why_order": 2,
        "why_labels": 1,
        "why_evidence": 2,
    }


def _delivered(issued: Issued) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    given = issued.tensors
    return given["x"], given["y"], (given["x_trusted"], given["y_trusted"])


def _figures(issued: Issued, cleaned: TorchClassifier) -> HandIn:
    x, y = issued.tensors["x_check"], issued.tensors["y_check"]
    before, after = (
        float((predict(model, x) == y).double().mean()) for model in (load_model(issued, "victim"), cleaned)
    )
    return {"cleaned": cleaned.module.state_dict(), "accuracy_before": before, "cleaned_accuracy": after}


def _fit(x: Tensor, y: Tensor, *, seed: int, epochs: int = 25) -> TorchClassifier:
    return train(build("mlp", _SHAPE, _CLASSES, seed=seed), x, y, epochs=epochs, lr=0.01, seed=seed)


# ---------------------------------------------------------------- a reader without poison


def _clean_reader(x: Tensor, y: Tensor, x_trusted: Tensor, y_trusted: Tensor) -> Tensor:
    """Return how a reader sees each sample, as probabilities ``(n, classes)``.

    It learns from the trusted set, then also from samples whose label it would have given
    itself, and again.  Turned labels are not among them, so the reader never learns them.
    """
    seen = _probabilities(x, x_trusted, y_trusted, round_=0)
    for round_ in range(1, 4):
        agreed = seen.gather(1, y[:, None]).squeeze(1) > 0.7
        known_x, known_y = torch.cat([x_trusted, x[agreed]]), torch.cat([y_trusted, y[agreed]])
        seen = _probabilities(x, known_x, known_y, round_=round_)
    return seen


def _probabilities(x: Tensor, known_x: Tensor, known_y: Tensor, *, round_: int) -> Tensor:
    readers = [_fit(known_x, known_y, seed=10 * round_ + number) for number in range(5)]
    return torch.stack([reader.logits(x).softmax(1) for reader in readers]).mean(0)


# ---------------------------------------------------------------- marks

Finding = tuple[Tensor, str, int]


def _marked(x: Tensor, y: Tensor, x_trusted: Tensor, y_trusted: Tensor) -> Finding | None:
    """Return the samples that wear a bright square which next to only one label wears, or None."""
    best: tuple[float, Tensor, int] | None = None
    for wearing, usual in zip(_squares(x), _squares(x_trusted), strict=True):
        if not bool(wearing.any()):
            continue
        label = int(y[wearing].mode().values)
        own, others = (wearing & (y == label)), int((wearing & (y != label)).sum())
        # A stroke is as frequent among trusted samples; a mark is not there at all.
        strokes = float(usual[y_trusted == label].double().mean()) * int((y == label).sum())
        surprise = int(own.sum()) - 2 * others - strokes
        if surprise > 18 and (best is None or surprise > best[0]):
            best = (surprise, own.nonzero().flatten(), label)
    return None if best is None else (best[1], "patch with wrong labels", best[2])


def _look_like_their_label(x: Tensor, label: int, x_trusted: Tensor, y_trusted: Tensor) -> bool:
    """Return whether the trusted neighbours of marked samples, the mark left out, carry their label."""
    beside = ~((x.quantile(0.1, dim=0) > 0.5) & (x_trusted.quantile(0.8, dim=0) < 0.5))
    distance = torch.cdist(x[:, beside], x_trusted[:, beside])
    neighbours = y_trusted[distance.topk(3, largest=False).indices]
    return float((neighbours == label).double().mean()) > 0.2


def _squares(x: Tensor) -> Iterator[Tensor]:
    """Yield, for each square of two by two pixels at the left or right edge, who is bright all over it."""
    darkest = -functional.max_pool2d(-x, 2, stride=1)[:, 0]
    for top in range(darkest.shape[1]):
        for left in (0, 1, darkest.shape[2] - 2, darkest.shape[2] - 1):
            yield darkest[:, top, left] > 0.55


def _faintly_marked(x: Tensor, y: Tensor, x_trusted: Tensor) -> Finding | None:
    """Return the samples whose paper is brighter than any paper should be, or None."""
    paper = x_trusted.flatten(1).quantile(0.9, dim=0) < 0.2
    ink = x.flatten(1)[:, paper]
    usual = x_trusted.flatten(1)[:, paper].mean(1)
    bright = ink.mean(1) > float(usual.mean() + 3 * usual.std())
    if int(bright.sum()) < 12:
        return None
    label = int(y[bright].mode().values)
    # What they share is the pattern; whoever resembles it more than paper does wears it.
    pattern = ink[bright & (y == label)].mean(0) - ink[~bright].mean(0)
    likeness = (ink - ink[~bright].mean(0)) @ pattern / pattern.square().sum()
    suspects = (likeness > 0.5) & (y == label)
    if int(suspects.sum()) < 12 or float((y[likeness > 0.5] == label).double().mean()) < 0.7:
        return None
    return suspects.nonzero().flatten(), "faint pattern with wrong labels", label


# ---------------------------------------------------------------- disputed labels


def _disputed(y: Tensor, reader: Tensor) -> Finding:
    """Return the samples of the pair of classes over which labels and a clean reader differ most often."""
    seen = reader.argmax(1)
    pairs = torch.zeros(_CLASSES, _CLASSES)
    pairs.index_put_((seen, y), torch.ones(len(y)), accumulate=True)
    source, target = divmod(int(pairs.fill_diagonal_(0).argmax()), _CLASSES)
    return ((seen == source) & (y == target)).nonzero().flatten(), "turned labels", target
