"""What is measured on one participant's variant of the poisoning lab.

The participant hands in data: a poisoned training set, positions to take out, a recipe,
verdicts.  The clean data, the way of training, the seeds and the metric come from here, and
every reader that counts is trained here, anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from labkit.attacks import poisoning
from labkit.core import InvalidInputError, PoisonedDataset, Trigger, derive
from labkit.course.cases.poisoning import records
from labkit.course.cases.poisoning.case import (
    PoisoningCase,
    poison_in_delivery,
    poisoned_drops,
    poisoned_on_arrival,
    poisoning_case,
)
from labkit.course.cases.poisoning.screening import check_recipe, screen
from labkit.defenses.sanitising import Screening, knn_consistency
from labkit.metrics import clean_accuracy, detection, normalised_score, trigger_success_rate
from labkit.models import TorchClassifier, features
from labkit.scoring import Measurement

make_case = poisoning_case
RECORDS = records.RECORDS

MOST_BARE = 0.4  # success of a sign on clean readers; above it is an adversarial patch and no backdoor
LARGEST_DROP = 0.01  # of clean accuracy: more than that, and the release test stops the reader
LEAST_CLEAN = 0.955
MOST_FALSE_REMOVALS = 0.03
LEAST_CAUGHT = 0.8
LEAST_KEPT = 100
SHOWN_SHARE = 0.5  # of the poison of a drop must be among the suspects ...
LEAST_RIGHT = 1 / 3  # ... and of the suspects so many must be poison
WORDS = ("clean", "poisoned")


# ------------------------------------------------------------------ backdoor


def measure_backdoor_success(
    case: PoisoningCase, x_poisoned: Tensor, y_poisoned: Tensor, mask: Tensor, pattern: Tensor, y_target: int
) -> Measurement:
    """Success rate of the trigger on readers trained on what was handed in; an illegal set is not used."""
    trigger = Trigger(mask=torch.as_tensor(mask).float(), pattern=torch.as_tensor(pattern).float())
    x_poisoned, y_poisoned = _fits(case, x_poisoned, y_poisoned)
    target = _class_number(case, y_target)
    changed = _changed(case, x_poisoned, y_poisoned)
    facts = {
        "changed": float(changed.sum()),
        "budget": float(case.poison_budget),
        "over": float(changed.sum()) - case.poison_budget,
        "out_of_bounds": float((~_within(x_poisoned)).sum() + (~_within(trigger.pattern[None])).sum()),
        "conspicuous": float(_conspicuous(case, trigger)),
        "trigger_pixels": float(trigger.size),
        "bare": _success(case.clean_models, case, trigger, target),
        "clean_before": _accuracy(case.clean_models, case),
        "clean": _accuracy(case.clean_models, case),
        "drop": 0.0,
        "noticed": 0.0,
    }
    facts["achieved"] = facts["bare"]
    facts["no_backdoor"] = float(facts["bare"] > MOST_BARE)
    if facts["conspicuous"] or facts["no_backdoor"]:
        return Measurement(0.0, facts)  # no such form is handed in, or its sign needs no poisoned reader
    if facts["over"] > 0 or facts["out_of_bounds"]:
        return Measurement(facts["bare"], facts)
    readers = case.judged(x_poisoned, y_poisoned)
    facts["clean"] = _accuracy(readers, case)
    facts["drop"] = facts["clean_before"] - facts["clean"]
    facts["achieved"] = _success(readers, case, trigger, target)
    facts["noticed"] = float(facts["drop"] > LARGEST_DROP)
    return Measurement(facts["bare"] if facts["noticed"] else facts["achieved"], facts)


# ------------------------------------------------------------------ clean label


def measure_document_confidence(case: PoisoningCase, x_poisoned: Tensor) -> Measurement:
    """Probability of the wanted class for the document after the nightly update, if that goes unnoticed."""
    x_poisoned, _ = _fits(case, x_poisoned, case.y)
    epsilon = float(case.setting("collision_epsilon"))
    size = (x_poisoned - case.x).abs().flatten(1).amax(1)
    changed = size > 0
    untouched = _nightly(case, case.x)
    facts = {
        "changed": float(changed.sum()),
        "budget": float(case.poison_budget),
        "over": float(changed.sum()) - case.poison_budget,
        "illegal": float((size > epsilon + 1e-6).sum() + (~_within(x_poisoned)).sum()),
        "largest": float(size.max()),
        "epsilon": epsilon,
        "in_wanted": float((case.y[changed] == case.document.wanted).float().mean())
        if changed.any()
        else 0.0,
        "before": _confidence(untouched, case),
        "clean_before": _elsewhere(untouched, case),
        "clean": _elsewhere(untouched, case),
        "drop": 0.0,
        "noticed": 0.0,
        "near": _nearness(case, x_poisoned, changed),
    }
    facts["achieved"] = facts["before"]
    if facts["over"] > 0 or facts["illegal"]:
        return Measurement(facts["before"], facts)
    updated = _nightly(case, x_poisoned)
    facts["clean"] = _elsewhere(updated, case)
    facts["drop"] = facts["clean_before"] - facts["clean"]
    facts["noticed"] = float(facts["drop"] > case.setting("nightly_drop"))
    facts["achieved"] = _confidence(updated, case)
    return Measurement(facts["before"] if facts["noticed"] else facts["achieved"], facts)


def _nearness(case: PoisoningCase, x_poisoned: Tensor, changed: Tensor) -> float:
    """Return how far the changed samples lie from the document in feature space, next to where they lay."""
    if not bool(changed.any()):
        return 1.0
    aim = features(case.victim, case.document.x)
    now, then = (torch.cdist(features(case.victim, x[changed]), aim).mean() for x in (x_poisoned, case.x))
    return float(now / then)


def _nightly(case: PoisoningCase, x: Tensor) -> list[TorchClassifier]:
    """Return readers after the nightly update on ``x``, with seeds of the judge."""
    return [case.train_last_layer(x, case.y, seed=derive(case.seed, "nightly", run)) for run in range(3)]


def _elsewhere(models: Sequence[TorchClassifier], case: PoisoningCase) -> float:
    """Return the clean accuracy on every form but the document, which is misread on purpose."""
    others = (case.x_test != case.document.x).flatten(1).any(1)
    return _accuracy(models, case, others)


def _confidence(models: Sequence[TorchClassifier], case: PoisoningCase) -> float:
    chances = [each.logits(case.document.x).softmax(1)[0, case.document.wanted] for each in models]
    return float(sum(chances) / len(chances))


# ------------------------------------------------------------------ clean up


def measure_defence_score(case: PoisoningCase, remove: Tensor | Screening) -> Measurement:
    """Normalised defence score of taking samples out; 0 where clean accuracy or good samples paid for it."""
    gone = _positions(remove, len(case.delivery))
    poisoned = poisoned_on_arrival(case)
    found = detection(gone, poisoned)
    left, clean = _left(case, gone)
    baseline, unscreened = _without(case)
    least = min(LEAST_CLEAN, unscreened - LARGEST_DROP)  # no variant is harder than its own data
    reference, _ = _reference(case)
    score = normalised_score(left, baseline, reference)
    facts = {
        "left": left,
        "baseline": baseline,
        "reference": reference,
        "score": score,
        "clean": clean,
        "least_clean": least,
        "unfit": float(clean < least),
        "caught": found.caught.value,
        "false_removals": found.false_removals.value,
        "removed": float(gone.sum()),
    }
    kept_its_price = not facts["unfit"] and facts["false_removals"] <= MOST_FALSE_REMOVALS
    return Measurement(score if kept_its_price else 0.0, facts)


def _left(case: PoisoningCase, gone: Tensor) -> tuple[float, float]:
    """Return the success of the hidden trigger and the clean accuracy after training on what stays."""
    if int((~gone).sum()) < LEAST_KEPT:
        raise InvalidInputError(
            f"expected at least {LEAST_KEPT} samples to be left, got {int((~gone).sum())}: "
            "nothing can be learned from so few"
        )
    hidden = poison_in_delivery(case)
    readers = case.judged(
        torch.cat([case.x, case.delivery.x[~gone]]), torch.cat([case.y, case.delivery.y[~gone]])
    )
    return _success(readers, case, hidden.trigger, hidden.y_target), _accuracy(readers, case)


@lru_cache(maxsize=8)
def _without(case: PoisoningCase) -> tuple[float, float]:
    return _left(case, torch.zeros(len(case.delivery), dtype=torch.bool))


@lru_cache(maxsize=8)
def _reference(case: PoisoningCase) -> tuple[float, float]:
    return _left(case, screen(case, case.delivery, REFERENCE_RECIPE).remove)


REFERENCE_RECIPE = {
    "method": "knn_consistency",
    "neighbours": "vouched",
    "k": 5,
    "threshold": 0.7,
    "only_unvouched": True,
}
"""Whom to believe, from the vouchers; what does not fit them, from the neighbours."""


# ------------------------------------------------------------------ the price


def measure_routine_loss(case: PoisoningCase, recipe: Mapping[str, Any]) -> Measurement:
    """Share of good samples that a recipe throws away where nothing is wrong; 1 if it misses the poison."""
    settings = check_recipe(recipe)
    found = detection(screen(case, case.delivery, settings).remove, poisoned_on_arrival(case))
    lost = [float(screen(case, each, settings).remove.float().mean()) for each in case.routine]
    share = sum(lost) / len(lost)
    facts = {
        "caught": found.caught.value,
        "lost": share,
        "worst": max(lost),
        "per_delivery": share * len(case.routine[0]),
        "size": float(len(case.routine[0])),
    }
    return Measurement(share if facts["caught"] >= LEAST_CAUGHT else 1.0, facts)


# ------------------------------------------------------------------ the blind round


def measure_verdicts_shown(
    case: PoisoningCase, verdicts: Sequence[str], suspects: Sequence[Tensor]
) -> Measurement:
    """1 when every drop was judged right and every poisoned one shown by its poison, else 0.

    How many were right is not said: whoever is told can find the answer by trying.
    """
    said = [str(word) for word in verdicts]
    if len(said) != len(case.drops) or not set(said) <= set(WORDS):
        raise InvalidInputError(
            f"expected {len(case.drops)} verdicts, each 'clean' or 'poisoned', in the order of the drops; "
            f"got {said}"
        )
    if not isinstance(suspects, list | tuple) or len(suspects) != len(case.drops):
        raise InvalidInputError(
            f"expected suspects as {len(case.drops)} lists of positions, one for each drop, empty for a "
            "clean one"
        )
    named = [_positions(each, len(drop)) for each, drop in zip(suspects, case.drops, strict=True)]
    hidden = poisoned_drops(case)
    right = [_shown(*each) for each in zip(said, named, hidden, strict=True)]
    accused = [mask for word, mask in zip(said, named, strict=True) if word == "poisoned"]
    shares = [float(mask.float().mean()) for mask in accused]
    facts = {
        "said_poisoned": float(len(accused)),
        "without_suspects": float(sum(share == 0 for share in shares)),
        "largest_share": max(shares, default=0.0),
    }
    return Measurement(float(all(right)), facts)


def _shown(said: str, named: Tensor, hidden: PoisonedDataset) -> bool:
    """Whether a verdict on a drop is right, and, where it accuses, shows the poison."""
    if said == "clean" or not len(hidden.indices):
        return (said == "clean") == (not len(hidden.indices))
    found = detection(named, hidden.poisoned)
    precise = float(hidden.poisoned[named].float().mean()) if bool(named.any()) else 0.0
    return found.caught.value >= SHOWN_SHARE and precise >= LEAST_RIGHT


# ------------------------------------------------------------------ what they share


def _fits(case: PoisoningCase, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    if x.shape != case.x.shape or x.dtype != case.x.dtype or y.shape != case.y.shape:
        raise InvalidInputError(
            f"expected x_poisoned as float32 of shape {tuple(case.x.shape)} and y_poisoned of shape "
            f"{tuple(case.y.shape)}, every sample at its place; got {x.dtype} of {tuple(x.shape)} and "
            f"{tuple(y.shape)}"
        )
    if not bool(torch.isfinite(x).all()):
        raise InvalidInputError("expected x_poisoned without NaN or infinity")
    if y.is_floating_point() or int(y.min()) < 0 or int(y.max()) >= len(case.class_names):
        raise InvalidInputError(f"expected labels as whole numbers from 0 to {len(case.class_names) - 1}")
    return x, y.to(torch.int64)


def _class_number(case: PoisoningCase, y_target: Any) -> int:
    target = int(y_target)
    if not 0 <= target < len(case.class_names):
        raise InvalidInputError(f"expected y_target from 0 to {len(case.class_names) - 1}, got {y_target!r}")
    return target


def _positions(named: Any, n: int) -> Tensor:
    """Return positions, or a mask, as a mask of ``n`` samples."""
    given = torch.as_tensor(named.remove if isinstance(named, Screening) else named)
    if given.dtype == torch.bool and given.shape == (n,):
        return given
    if given.numel() == 0:
        return torch.zeros(n, dtype=torch.bool)
    if given.is_floating_point() or given.dtype == torch.bool or given.dim() != 1:
        raise InvalidInputError(f"expected whole numbers as positions from 0 to {n - 1}, got {given.dtype}")
    if int(given.min()) < 0 or int(given.max()) >= n:
        raise InvalidInputError(
            f"expected positions from 0 to {n - 1}, got {int(given.min())} to {int(given.max())}"
        )
    gone = torch.zeros(n, dtype=torch.bool)
    gone[given.to(torch.int64)] = True
    return gone


def _changed(case: PoisoningCase, x: Tensor, y: Tensor) -> Tensor:
    return (x != case.x).flatten(1).any(1) | (y != case.y)


def _within(x: Tensor) -> Tensor:
    return ((x >= 0) & (x <= 1)).flatten(1).all(1)


def _conspicuous(case: PoisoningCase, trigger: Trigger) -> bool:
    """Whether a clerk would stop a document that bears this trigger."""
    if trigger.mask.shape != case.x.shape[1:]:
        raise InvalidInputError(
            f"expected mask and pattern of shape {tuple(case.x.shape[1:])}, got {tuple(trigger.mask.shape)}"
        )
    small = trigger.size <= case.setting("trigger_pixels") * case.x.shape[1]
    faint = float(trigger.mask.max()) <= case.setting("blend_limit") + 1e-6
    return not (small or faint)


def _success(models: Sequence[TorchClassifier], case: PoisoningCase, trigger: Any, y_target: Any) -> float:
    rates = [
        trigger_success_rate(each, case.x_test, case.y_test, trigger=trigger, y_target=y_target)
        for each in models
    ]
    return sum(rate.value for rate in rates) / len(rates)


def _accuracy(
    models: Sequence[TorchClassifier], case: PoisoningCase, among: Tensor | slice = slice(None)
) -> float:
    x, y = case.x_test[among], case.y_test[among]
    return sum(clean_accuracy(each, x, y).value for each in models) / len(models)


MEASURES = {
    "backdoor_success": measure_backdoor_success,
    "document_confidence": measure_document_confidence,
    "defence_score": measure_defence_score,
    "verdicts_shown": measure_verdicts_shown,
    "routine_loss": measure_routine_loss,
}

# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=8)
def _example(case: PoisoningCase) -> tuple[float, float]:
    """Return the success of a plain backdoor at the limit, and the clean accuracy that it costs."""
    height, width = case.x.shape[2:]
    trigger = poisoning.patch(tuple(case.x.shape[1:]), size=3, top=height - 3, left=width - 3)
    made = poisoning.badnets(
        case.x,
        case.y,
        trigger=trigger,
        y_target=0,
        poison_rate=case.setting("poison_limit"),
        seed=derive(case.seed, "prediction"),
    )
    readers = case.judged(made.x_poisoned, made.y_poisoned)
    lost = _accuracy(case.clean_models, case) - _accuracy(readers, case)
    return _success(readers, case, trigger, 0), lost


def _caught_by_neighbours(case: PoisoningCase) -> float:
    """Return the share of the hidden poison that the neighbours of the whole delivery find."""
    found = knn_consistency(case.delivery.x, case.delivery.y)
    return detection(found.remove, poisoned_on_arrival(case)).caught.value


OUTCOMES = {
    "backdoor_success_percent": lambda case: 100 * _example(case)[0],
    "clean_points_lost": lambda case: 100 * _example(case)[1],
    "caught_by_neighbours_percent": lambda case: 100 * _caught_by_neighbours(case),
}
