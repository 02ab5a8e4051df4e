"""Three candidates of the task on privacy; their recorded runs set the ends of the scale."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks.membership import likelihood_ratio, train_shadows, true_confidence
from labkit.core.seeds import derive
from labkit.defenses.privacy import dp_sgd, noise_for, privacy_spent
from labkit.exams.issued import Issued
from labkit.exams.task import Variant
from labkit.metrics import membership_auc
from labkit.models import TorchClassifier, build
from labkit.models.ensembles import train_ensemble

HandIn = dict[str, Any]

_SHAPE, _CLASSES = (1, 8, 8), 10
_RATE, _EPOCHS = 0.2, 30


def reference(issued: Issued, variant: Variant) -> HandIn:
    """Attack with shadows, find the noise that the budget needs, train with it, state what was spent."""
    facts = issued.facts
    steps = round(_EPOCHS / _RATE)
    noise = noise_for(
        privacy_epsilon=facts["epsilon_budget"],
        sample_rate=_RATE,
        steps=steps,
        privacy_delta=facts["delta_limit"],
    )
    settings = {"clip": 1.0, "noise_multiplier": noise, "sample_rate": _RATE}
    release = _private_model(issued, epochs=_EPOCHS, **settings)
    return {
        "scores": _against_shadows(issued),
        **_released(issued, release, steps=steps, **settings),
        "generalisation_gap": _gap(issued),
        "why_unit": 2,
        "why_budget": 4,
        "why_attack": 3,
    }


def nothing(issued: Issued, variant: Variant) -> HandIn:
    """Score everybody alike, release a model that learned nothing, promise little."""
    fresh = build("logistic", _SHAPE, _CLASSES, seed=0)
    return {
        "scores": torch.zeros(len(issued.tensors["x_audit"])),
        "release": fresh.state_dict(),
        "privacy_epsilon": 100.0,
        "privacy_delta": 0.01,
        "noise_multiplier": 1.0,
        "sample_rate": 0.1,
        "steps": 1,
        "clip": 1.0,
        "generalisation_gap": 0.0,
        "release_auc": 1.0,
        "why_unit": 1,
        "why_budget": 1,
        "why_attack": 1,
    }


def lazy(issued: Issued, variant: Variant) -> HandIn:
    """Take the loss for an attack, the usual noise for a defense, and no look at the budget."""
    settings = {"clip": 1.0, "noise_multiplier": 1.0, "sample_rate": 0.2}
    release = _private_model(issued, epochs=10, **settings)
    return {
        "scores": true_confidence(issued.tensors["logits"], issued.tensors["y_audit"]),
        **_released(issued, release, steps=50, **settings),
        "generalisation_gap": _gap(issued),
        "why_unit": 2,
        "why_budget": 2,
        "why_attack": 1,
    }


# ---------------------------------------------------------------- the attack


def _against_shadows(issued: Issued, shadows: int = 40) -> Tensor:
    """Return the likelihood ratio of each record against models of one's own."""
    given, told = issued.tensors, issued.facts["attacked"]
    training = partial(train_ensemble, classes=_CLASSES, epochs=told["epochs"], hidden=tuple(told["hidden"]))
    mine = train_shadows(
        given["x_audit"],
        given["y_audit"],
        classes=_CLASSES,
        shadows=shadows,
        size=told["members"],
        training=training,
        seed=derive(0, "shadows"),
    )
    said = true_confidence(given["logits"], given["y_audit"])
    return likelihood_ratio(said, mine.confidence(), mine.members)


def _gap(issued: Issued) -> float:
    given = issued.tensors
    loss = functional.cross_entropy(given["logits"].double(), given["y_audit"], reduction="none")
    members, others = (loss[given["known"] == kind].mean() for kind in (1, 0))
    return float(others - members)


# ---------------------------------------------------------------- the release


def _private_model(
    issued: Issued, *, epochs: float, clip: float, noise_multiplier: float, sample_rate: float
) -> TorchClassifier:
    start = build("logistic", _SHAPE, _CLASSES, seed=1)
    x, y = issued.tensors["x_private"], issued.tensors["y_private"]
    return dp_sgd(
        start,
        x,
        y,
        clip=clip,
        noise_multiplier=noise_multiplier,
        sample_rate=sample_rate,
        epochs=epochs,
        lr=0.02,
        seed=20261129,
    )


def _released(
    issued: Issued,
    release: TorchClassifier,
    *,
    clip: float,
    noise_multiplier: float,
    sample_rate: float,
    steps: int,
) -> HandIn:
    delta = issued.facts["delta_limit"]
    spent = privacy_spent(
        noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, privacy_delta=delta
    )
    return {
        "release": release.module.state_dict(),
        "privacy_epsilon": spent,
        "privacy_delta": delta,
        "noise_multiplier": noise_multiplier,
        "sample_rate": sample_rate,
        "steps": steps,
        "clip": clip,
        "release_auc": _release_auc(issued, release),
    }


def _release_auc(issued: Issued, release: TorchClassifier) -> float:
    given = issued.tensors
    x = torch.cat([given["x_private"], given["x_public"]])
    y = torch.cat([given["y_private"], given["y_public"]])
    loss = functional.cross_entropy(release.logits(x).double(), y, reduction="none")
    return membership_auc(-loss, torch.arange(len(x)) < len(given["x_private"]))
