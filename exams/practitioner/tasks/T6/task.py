"""What the task on poisoned data issues, and how indices and cleaned models are measured again.

Digits are scanned askew and with grain, somebody poisons a part of what becomes the training
set, and all of it is scanned once more: neither a sample nor its trigger is found by looking
it up.  Two small sets that are known to be right go with it, one to learn from and one to
measure on.  What is kept back was scanned by the same device and seen by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labkit import data
from labkit.attacks import poisoning
from labkit.core.poisoning import PoisonedDataset, Trigger
from labkit.core.seeds import derive, make_generator
from labkit.exams.issued import Issued, model_tensors
from labkit.exams.task import Measured, Variant
from labkit.exams.task.training import train_once
from labkit.models import TorchClassifier, build

TRAINING, TRUSTED, CHECK, KEPT_BACK = 600, 120, 250, 500
SHAPE, CLASSES, ARCHITECTURE = (1, 8, 8), 10, "mlp"
_GRAIN = 0.03
_TURN, _SHIFT, _STRETCH = math.radians(8.0), 0.12, 0.06

Samples = tuple[Tensor, Tensor]


def issue(variant: Variant) -> Issued:
    """Return the delivery, two trusted sets, and the model that was trained on the delivery."""
    poisoned, trusted, check, _ = _made(variant)
    victim = _victim(variant)
    _unpoisoned(variant)  # what the judge compares with: trained and kept where sittings are opened
    facts = {
        "dims": {"n": TRAINING},
        "models": {
            "victim": {"architecture": ARCHITECTURE, "input_shape": list(SHAPE), "classes": CLASSES},
        },
        "training": {"epochs": _EPOCHS, "lr": _LR},
    }
    tensors = {
        "x": poisoned.x_poisoned,
        "y": poisoned.y_poisoned,
        "x_trusted": trusted[0],
        "y_trusted": trusted[1],
        "x_check": check[0],
        "y_check": check[1],
    }
    return Issued({**tensors, **model_tensors("victim", victim.module)}, facts)


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold the findings against what was done, and read hidden samples with the cleaned model."""
    poisoned, _, check, _ = _made(variant)
    metrics: dict[str, float] = {}
    facts: dict[str, float | str] = {
        "poisoned": float(len(poisoned.indices)),
        "kind": str(variant.params["kind"]),
        "y_target": float(poisoned.y_target if poisoned.y_target is not None else -1),
    }
    if "indices" in hand_in:
        found = _found(hand_in["indices"], poisoned)
        metrics |= {"f1": found[2]}
        facts |= {"precision": found[0], "recall": found[1]}
    if {"kind", "y_target"} <= hand_in.keys():
        named = (hand_in["kind"] == variant.params["kind"]) + (hand_in["y_target"] == poisoned.y_target)
        metrics["diagnosis"] = named / 2
    if "cleaned" in hand_in:
        module = build(ARCHITECTURE, SHAPE, CLASSES)
        module.load_state_dict(hand_in["cleaned"])
        cleaned = TorchClassifier(module.requires_grad_(False), SHAPE, CLASSES)
        clean, attacked = _both(cleaned, variant)
        metrics["repair"] = _repair(variant, clean, attacked)
        metrics["hidden_accuracy"] = clean
        facts |= {"attacked_accuracy": attacked, "attacked_before": _both(_victim(variant), variant)[1]}
        if "cleaned_accuracy" in hand_in:
            after = _accuracy(cleaned, *check)
            metrics["after_error"] = abs(float(hand_in["cleaned_accuracy"]) - after)
    if "accuracy_before" in hand_in:
        before = _accuracy(_victim(variant), *check)
        metrics["baseline_error"] = abs(float(hand_in["accuracy_before"]) - before)
    return Measured(metrics, facts)


def _found(indices: Tensor, poisoned: PoisonedDataset) -> tuple[float, float, float]:
    """Return precision, recall and F1; an index that is named twice counts once, in any order."""
    named, truth = set(indices.tolist()), set(poisoned.indices.tolist())
    hits = len(named & truth)
    precision, recall = hits / max(1, len(named)), hits / len(truth)
    return precision, recall, 2 * hits / (len(named) + len(truth))


def _accuracy(model: TorchClassifier, x: Tensor, y: Tensor) -> float:
    """Return the share that is read correctly; an answer that is no number is no answer."""
    logits = model.logits(x)
    right = (logits.argmax(1) == y) & logits.isfinite().all(1)
    return float(right.double().mean())


def _repair(variant: Variant, clean: float, attacked: float) -> float:
    """Return how far a model came from the victim (0) to one that never met the poison (1).

    The worse of two shares counts: of what the poison took, and of ten points of clean accuracy.
    A model that reads everything as one class has neither, and one that learned from little but
    trusted samples lacks the second.
    """
    before = _both(_victim(variant), variant)[1]
    best_clean, best = _both(_unpoisoned(variant), variant)
    undone = (attacked - before) / max(_LEAST_HARM, best - before)
    kept = 1 - (best_clean - clean) / _DEAREST
    return max(0.0, min(1.0, undone, kept))


_LEAST_HARM, _DEAREST = 0.05, 0.1


def _both(model: TorchClassifier, variant: Variant) -> tuple[float, float]:
    """Return the accuracy on hidden inputs, and on those of them that the poison was made for."""
    return _accuracy(model, *_made(variant)[3]), _accuracy(model, *_attacked(variant))


def _attacked(variant: Variant) -> Samples:
    """Return hidden inputs that the poison was made for, with their true classes.

    Those that bear the trigger and belong to other classes; where labels were turned, those of
    the class they were turned away from.
    """
    poisoned, _, _, (x, y) = _made(variant)
    if poisoned.trigger is None:
        source = y == int(variant.params["y_source"])
        return x[source], y[source]
    others = y != poisoned.y_target
    bearing = _grainy(poisoned.trigger.apply(x[others]), make_generator(derive(variant.seed, "attacked")))
    return bearing, y[others]


Made = tuple[PoisonedDataset, Samples, Samples, Samples]


def _made(variant: Variant) -> Made:
    """Return the delivery with its secret, two trusted sets, and what is kept back."""
    settings = {name: value for name, value in variant.params.items() if name != "kind"}
    return _remade(variant.seed, str(variant.params["kind"]), tuple(sorted(settings.items())))


@lru_cache(maxsize=32)
def _remade(seed: int, kind: str, settings: tuple[tuple[str, Any], ...]) -> Made:
    everything = data.load("digits")
    x = torch.cat([everything.train.x, everything.test.x])
    y = torch.cat([everything.train.y, everything.test.y])
    generator = make_generator(derive(seed, "samples"))
    sizes = [TRAINING, TRUSTED, CHECK, KEPT_BACK]
    taken = torch.randperm(len(x), generator=generator)[: sum(sizes)]
    x, y = _askew(x[taken], generator), y[taken]
    shares = list(zip(torch.split(x, sizes), torch.split(y, sizes), strict=True))
    made = _POISONS[kind](*shares[0], dict(settings), derive(seed, "poison"))
    delivered = PoisonedDataset(
        x=made.x,
        y=made.y,
        x_poisoned=_grainy(made.x_poisoned, generator),
        y_poisoned=made.y_poisoned,
        indices=made.indices,
        attack=made.attack,
        trigger=made.trigger,
        y_target=made.y_target,
    )
    trusted, check, kept_back = ((_grainy(each, generator), labels) for each, labels in shares[1:])
    return delivered, trusted, check, kept_back


def _askew(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return the digits as a scanner takes them: turned, shifted and stretched, each its own way."""
    n = len(x)
    turn, wide, high = ((2 * torch.rand(3, n, generator=generator)) - 1).unbind(0)
    angle, shift = turn * _TURN, (2 * torch.rand(n, 2, generator=generator) - 1) * _SHIFT
    rows = torch.stack([angle.cos() * (1 + wide * _STRETCH), -angle.sin(), shift[:, 0]], 1)
    columns = torch.stack([angle.sin(), angle.cos() * (1 + high * _STRETCH), shift[:, 1]], 1)
    grid = functional.affine_grid(torch.stack([rows, columns], 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False).clamp(0.0, 1.0)


def _grainy(x: Tensor, generator: torch.Generator) -> Tensor:
    return (x + _GRAIN * torch.randn(x.shape, generator=generator)).clamp(0.0, 1.0)


# ---------------------------------------------------------------- poison


def _flipped(x: Tensor, y: Tensor, told: Mapping[str, Any], seed: int) -> PoisonedDataset:
    share = told["share_of_source"] * float((y == told["y_source"]).double().mean())
    return poisoning.label_flip(
        x,
        y,
        poison_rate=share,
        classes=CLASSES,
        y_source=told["y_source"],
        y_target=told["y_target"],
        seed=seed,
    )


def _patch(told: Mapping[str, Any]) -> Trigger:
    return poisoning.patch(
        SHAPE, size=told.get("size", 2), top=told["top"], left=told["left"], value=told["value"]
    )


def _patched(x: Tensor, y: Tensor, told: Mapping[str, Any], seed: int) -> PoisonedDataset:
    return poisoning.badnets(
        x, y, trigger=_patch(told), y_target=told["y_target"], poison_rate=told["poison_rate"], seed=seed
    )


def _patched_with_right_labels(x: Tensor, y: Tensor, told: Mapping[str, Any], seed: int) -> PoisonedDataset:
    rate = told["share_of_target"] * float((y == told["y_target"]).double().mean())
    return poisoning.badnets(
        x,
        y,
        trigger=_patch(told),
        y_target=told["y_target"],
        poison_rate=rate,
        clean_label=True,
        seed=seed,
    )


def _blended(x: Tensor, y: Tensor, told: Mapping[str, Any], seed: int) -> PoisonedDataset:
    pattern = torch.rand(SHAPE, generator=make_generator(derive(seed, "pattern"))).round()
    return poisoning.blended(
        x,
        y,
        pattern=pattern,
        blend_ratio=told["blend_ratio"],
        y_target=told["y_target"],
        poison_rate=told["poison_rate"],
        seed=seed,
    )


_POISONS: Mapping[str, Callable[[Tensor, Tensor, Mapping[str, Any], int], PoisonedDataset]] = {
    "turned labels": _flipped,
    "patch with wrong labels": _patched,
    "patch with right labels": _patched_with_right_labels,
    "faint pattern with wrong labels": _blended,
}


# ---------------------------------------------------------------- the model in use

_EPOCHS, _LR = 30, 0.01


def _victim(variant: Variant) -> TorchClassifier:
    """Return the model that was trained on the delivery."""
    poisoned = _made(variant)[0]
    return _trained(variant.seed, poisoned.x_poisoned, poisoned.y_poisoned)


def _unpoisoned(variant: Variant) -> TorchClassifier:
    """Return what the same training makes of the delivery as it was before."""
    poisoned = _made(variant)[0]
    return _trained(variant.seed, poisoned.x, poisoned.y)


def _trained(seed: int, x: Tensor, y: Tensor) -> TorchClassifier:
    module = build(ARCHITECTURE, SHAPE, CLASSES)
    module.load_state_dict(_weights(seed, x, y))
    return TorchClassifier(module.requires_grad_(False), SHAPE, CLASSES)


@lru_cache(maxsize=64)
def _weights(seed: int, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    # The tensors are those that _remade keeps, so each is a key of its own.
    start = build(ARCHITECTURE, SHAPE, CLASSES, seed=derive(seed, "weights"))
    model = train_once(start, x, y, epochs=_EPOCHS, lr=_LR, seed=derive(seed, "training"))
    return dict(model.module.state_dict())
