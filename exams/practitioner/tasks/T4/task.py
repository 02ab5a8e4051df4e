"""What the task on privacy issues, and how an attack and a private release are measured again.

A model was trained on half of the audit records; it is attacked by its answers.  A second set
of records is to be released as a model with a privacy budget.  Nobody can see in a model which
noise it was trained with.  So the judge trains one of its own with the settings that were
stated: a release is worth no more than such settings can give.  And some records are canaries:
a release that remembers them better than the settings allow was not trained with them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from labkit import data
from labkit.core.errors import LabkitError
from labkit.core.seeds import derive, make_generator
from labkit.defenses.privacy import dp_sgd, privacy_spent
from labkit.exams.issued import Issued
from labkit.exams.task import Measured, Variant, load_code, read_task
from labkit.metrics import membership_auc, tpr_at_fpr
from labkit.models import TorchClassifier, build
from labkit.models.ensembles import train_ensemble

_CANARIES = load_code(read_task(Path(__file__).parent), "canaries")
"""The module beside this one that puts canaries among the private records, and looks for them."""

AUDITED, KNOWN, PRIVATE, PUBLIC = 480, 80, 800, 100
SHAPE, CLASSES, ARCHITECTURE = (1, 8, 8), 10, "logistic"
FPR = 0.05
DELTA = 1e-4

_GAIN = 0.05
"""By how much a training of the candidate's own may be better than the judge's with the same settings."""

_RATES = (0.02, 0.06)
_LEAST_NOISE = 0.05
_TOO_RARE = 1e-3
_SLACK = 0.02
_ROUNDED = 1.01
"""A noise that is stated in three digits, say, spends a little more than the one that was found."""
_HUGE = 30.0


class _Case(NamedTuple):
    x: Tensor
    y: Tensor
    member: Tensor
    known: Tensor
    logits: Tensor
    private: tuple[Tensor, Tensor]
    public: tuple[Tensor, Tensor]
    hidden: tuple[Tensor, Tensor]
    canaries: Any
    plain: TorchClassifier


def issue(variant: Variant) -> Issued:
    """Return audit records with the answers of the model, records to protect, and the budget."""
    case = _made(variant)
    facts = {
        "dims": {"audit": AUDITED},
        "models": {"release": {"architecture": ARCHITECTURE, "input_shape": list(SHAPE), "classes": CLASSES}},
        "attacked": {
            "hidden": [int(variant.params["width"])],
            "epochs": int(variant.params["epochs"]),
            "members": AUDITED // 2,
        },
        "fpr": FPR,
        "epsilon_budget": float(variant.params["epsilon_budget"]),
        "delta_limit": DELTA,
    }
    tensors = {
        "x_audit": case.x,
        "y_audit": case.y,
        "known": torch.where(case.known, case.member.long(), -1),
        "logits": case.logits,
        "x_private": case.private[0],
        "y_private": case.private[1],
        "x_public": case.public[0],
        "y_public": case.public[1],
    }
    return Issued(tensors, facts)


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold scores against who was in, the statement against the accountant, the release against both."""
    case = _made(variant)
    metrics: dict[str, float] = {}
    facts: dict[str, float | str] = {}
    if "scores" in hand_in:
        scores, member = hand_in["scores"][~case.known], case.member[~case.known]
        metrics["attack_tpr"] = tpr_at_fpr(scores, member, FPR).value
        metrics["attack_auc"] = membership_auc(scores, member)
    if "generalisation_gap" in hand_in:
        metrics["gap_error"] = abs(float(hand_in["generalisation_gap"]) - _gap(case))
    stated = _settings(hand_in)
    if stated is not None:
        spent = _spent(stated)
        refuted = _refuted(stated, spent)
        metrics["refuted_epsilon"] = float(refuted)
        metrics["epsilon_error"] = 1.0 if refuted or "release" not in hand_in else _error(stated, spent)
        facts["epsilon_by_renyi"] = spent if math.isfinite(spent) else "unbounded"
    if "release" in hand_in:
        metrics |= _released(variant, case, hand_in, stated, facts)
    return Measured(metrics, facts)


# ---------------------------------------------------------------- the release


def _released(
    variant: Variant,
    case: _Case,
    hand_in: Mapping[str, Any],
    stated: Mapping[str, float] | None,
    facts: dict[str, float | str],
) -> dict[str, float]:
    module = build(ARCHITECTURE, SHAPE, CLASSES)
    module.load_state_dict(hand_in["release"])
    release = TorchClassifier(module.requires_grad_(False), SHAPE, CLASSES)
    found: dict[str, float] = {}
    if "release_auc" in hand_in:
        found["release_auc_error"] = abs(float(hand_in["release_auc"]) - _release_auc(release, case))
    if stated is None:
        return found
    spent = _spent(stated)
    budget = _ROUNDED * float(variant.params["epsilon_budget"])
    within = stated["privacy_delta"] <= DELTA * 1.001 and _keeps_to(stated, spent, budget)
    told = _CANARIES.remembered(release, case.plain, case.canaries)
    p_value = _CANARIES.p_value(told, spent, stated["privacy_delta"])
    found["remembered_canaries"] = float(p_value < _TOO_RARE)
    facts |= {"canaries_told": float(told), "canaries": float(_CANARIES.CANARIES), "canaries_p": p_value}
    accuracy = _accuracy(release, *case.hidden)
    supported = min(accuracy, _supported(variant, case, stated) + _GAIN) if within else 0.0
    facts |= {"hidden_accuracy": accuracy, "within_budget": "yes" if within else "no"}
    found["private_utility"] = supported
    if accuracy <= 0.5:
        # Who has trained no model has no budget to state.
        found["epsilon_error"] = 1.0
    return found


def _settings(hand_in: Mapping[str, Any]) -> dict[str, float] | None:
    names = ("privacy_epsilon", "privacy_delta", "noise_multiplier", "sample_rate", "steps", "clip")
    return {name: float(hand_in[name]) for name in names} if set(names) <= hand_in.keys() else None


_SPENDING = ("noise_multiplier", "sample_rate", "steps", "privacy_delta")


def _spent(stated: Mapping[str, float]) -> float:
    """Return the epsilon that the stated settings spend at the stated delta, by Renyi accounting."""
    return _added_up("rdp", *(stated[name] for name in _SPENDING))


def _tightly(stated: Mapping[str, float], spent: float) -> float | None:
    """Return what the tighter accountant adds up, or None where it cannot.

    Where epsilon is huge it would need more memory than there is.
    """
    if spent > _HUGE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # opacus remarks on its own grid
            return _added_up("prv", *(stated[name] for name in _SPENDING))
    except (LabkitError, ArithmeticError, RuntimeError, ValueError):
        return None


@lru_cache(maxsize=32)
def _added_up(accountant: str, noise: float, sample_rate: float, steps: float, delta: float) -> float:
    if noise < _LEAST_NOISE:
        return math.inf
    return privacy_spent(
        noise_multiplier=noise,
        sample_rate=sample_rate,
        steps=int(steps),
        privacy_delta=delta,
        accountant=accountant,
    )


def _refuted(stated: Mapping[str, float], spent: float) -> bool:
    """Return whether the claim promises more than any accountant can keep.

    Renyi accounting is a little pessimistic, so a claim below it may have been counted more
    tightly: then the tighter accountant decides.  Where that one cannot, only a claim below half
    is refuted for sure.
    """
    claimed = stated["privacy_epsilon"]
    if claimed >= spent * (1 - _SLACK):
        return False
    tight = _tightly(stated, spent)
    return claimed < (spent / 2 if tight is None else tight * (1 - _SLACK) - _SLACK)


def _keeps_to(stated: Mapping[str, float], spent: float, budget: float) -> bool:
    """Return whether the settings keep to a budget by either accountant.

    The tighter one is slow, and asked only where it may say yes when Renyi accounting says no.
    """
    if spent <= budget:
        return True
    tight = _tightly(stated, spent) if spent <= 2 * budget else None
    return tight is not None and tight <= budget


def _error(stated: Mapping[str, float], spent: float) -> float:
    """Return how far a claim that stands lies above what the settings spend, as a share."""
    if not math.isfinite(spent):
        return 1.0
    return min(1.0, max(0.0, stated["privacy_epsilon"] / max(spent, 1e-9) - 1))


def _supported(variant: Variant, case: _Case, stated: Mapping[str, float]) -> float:
    """Return what the judge's own training with the stated settings reads correctly."""
    models = [
        dp_sgd(
            build(ARCHITECTURE, SHAPE, CLASSES, seed=derive(variant.seed, "judge")),
            case.private[0],
            case.private[1],
            clip=stated["clip"],
            noise_multiplier=stated["noise_multiplier"],
            sample_rate=stated["sample_rate"],
            epochs=stated["steps"] * stated["sample_rate"],
            lr=rate,
            seed=derive(variant.seed, "judge", number),
        )
        for number, rate in enumerate(_RATES)
    ]
    return max(_accuracy(model, *case.hidden) for model in models)


# ---------------------------------------------------------------- figures


def _accuracy(model: TorchClassifier, x: Tensor, y: Tensor) -> float:
    """Return the share that is read correctly; an answer that is no number is no answer."""
    logits = model.logits(x)
    right = (logits.argmax(1) == y) & logits.isfinite().all(1)
    return float(right.double().mean())


def _gap(case: _Case) -> float:
    """Return by how much the attacked model's loss on known others exceeds that on known members."""
    loss = functional.cross_entropy(case.logits.double(), case.y, reduction="none")
    members, others = (loss[case.known & (case.member == kind)].mean() for kind in (True, False))
    return float(others - members)


def _release_auc(release: TorchClassifier, case: _Case) -> float:
    """Return how well the loss of a release tells the private records from the public ones."""
    x, y = (torch.cat(pair) for pair in zip(case.private, case.public, strict=True))
    loss = functional.cross_entropy(release.logits(x).double(), y, reduction="none")
    member = torch.arange(len(x)) < PRIVATE
    return membership_auc((-loss).nan_to_num(), member)


# ---------------------------------------------------------------- what the variant is


def _made(variant: Variant) -> _Case:
    params = variant.params
    return _remade(variant.seed, float(params["wrong_labels"]), int(params["width"]), int(params["epochs"]))


@lru_cache(maxsize=32)
def _remade(seed: int, wrong_labels: float, width: int, epochs: int) -> _Case:
    everything = data.load("digits")
    x = torch.cat([everything.train.x, everything.test.x])
    y = torch.cat([everything.train.y, everything.test.y])
    generator = make_generator(derive(seed, "records"))
    order = torch.randperm(len(x), generator=generator)
    audited, private, public, hidden = order.tensor_split(torch.tensor([AUDITED, PRIVATE, PUBLIC]).cumsum(0))
    member = torch.randperm(AUDITED, generator=generator) < AUDITED // 2
    # As many members as others are known; which ones, the generator says.
    lots = torch.rand(AUDITED, generator=generator)
    known = torch.zeros(AUDITED, dtype=torch.bool)
    for kind in (True, False):
        own = (member == kind).nonzero().flatten()
        known[own[lots[own].argsort()[: KNOWN // 2]]] = True
    canaries = _CANARIES.draw_canaries(seed, PRIVATE, SHAPE, CLASSES)
    wrong = torch.rand(AUDITED, generator=generator) < wrong_labels
    turned = (y[audited] + torch.randint(1, CLASSES, (AUDITED,), generator=generator)) % CLASSES
    y_audit = torch.where(wrong, turned, y[audited])
    trained = train_ensemble(
        x[audited],
        y_audit,
        member[None],
        classes=CLASSES,
        epochs=epochs,
        hidden=(width,),
        seed=derive(seed, "attacked"),
    )
    return _Case(
        x[audited],
        y_audit,
        member,
        known,
        trained.member(0).logits(x[audited]),
        _CANARIES.put_in(canaries, x[private], y[private]),
        (x[public], y[public]),
        (x[hidden], y[hidden]),
        canaries,
        _CANARIES.without(
            canaries, x[private], y[private], architecture=ARCHITECTURE, classes=CLASSES, seed=seed
        ),
    )
