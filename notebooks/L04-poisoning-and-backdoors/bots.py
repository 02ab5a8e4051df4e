"""Three players of the poisoning lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.attacks import poisoning
from labkit.core import Trigger, derive, make_generator
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.screening import screen
from labkit.defenses.sanitising import knn_consistency
from labkit.metrics import clean_accuracy, trigger_success_rate
from labkit.models import features, penultimate

Handed = Iterator[tuple[str, dict[str, Any]]]

_SIGN = 4  # pixels a side


def reference(case: PoisoningCase) -> Handed:
    """Play the lab as the solution notebook does."""
    made = best_corner(case)
    yield "backdoor", handed(made)

    collided = poisoning.feature_collision(
        case.x,
        case.y,
        features=penultimate(case.victim),
        x_target=case.document.x,
        y_target=case.document.wanted,
        poison_rate=case.setting("poison_limit"),
        epsilon=case.setting("collision_epsilon"),
    )
    yield "clean-label", {"x_poisoned": collided.x_poisoned}

    recipe = {
        "method": "knn_consistency",
        "neighbours": "vouched",
        "k": 5,
        "threshold": 0.7,
        "only_unvouched": True,
    }
    yield "clean-up", {"remove": screen(case, case.delivery, recipe).indices}
    yield "blind", verdicts(case)
    yield "price", {"recipe": recipe}


def nothing(case: PoisoningCase) -> Handed:
    """Hand in what was issued, believe everything."""
    empty = Trigger(mask=torch.zeros(case.x.shape[1:]), pattern=torch.zeros(case.x.shape[1:]))
    yield (
        "backdoor",
        {
            "x_poisoned": case.x,
            "y_poisoned": case.y,
            "mask": empty.mask,
            "pattern": empty.pattern,
            "y_target": 0,
        },
    )
    yield "clean-label", {"x_poisoned": case.x}
    yield "clean-up", {"remove": torch.zeros(0, dtype=torch.int64)}
    yield "blind", {"verdicts": ["clean"] * 4, "suspects": [[]] * 4}
    yield "price", {"recipe": {"method": "keep_everything"}}


def lazy(case: PoisoningCase) -> Handed:
    """Do the first thing that comes to mind: a faint trigger on few samples, noise, one tool as it comes."""
    seed = derive(case.seed, "lazy bot")
    trigger = poisoning.patch(tuple(case.x.shape[1:]), size=1, top=4, left=4)
    made = poisoning.badnets(case.x, case.y, trigger=trigger, y_target=8, poison_rate=0.005, seed=seed)
    yield "backdoor", handed(made)

    own = (case.y == case.document.wanted).nonzero().flatten()[: case.poison_budget]
    noise = torch.rand(case.x[own].shape, generator=make_generator(seed)) * 2 - 1
    x_poisoned = case.x.clone()
    x_poisoned[own] = (case.x[own] + case.setting("collision_epsilon") * noise).clamp(0, 1)
    yield "clean-label", {"x_poisoned": x_poisoned}

    recipe = {"method": "knn_consistency"}
    yield "clean-up", {"remove": screen(case, case.delivery, recipe).indices}
    # One drop is named, whichever, with what the neighbours within it find odd.
    accused = derive(case.seed, "lazy bot", "blind") % len(case.drops)
    odd = screen(case, case.drops[accused], recipe).indices
    yield (
        "blind",
        {
            "verdicts": ["poisoned" if i == accused else "clean" for i in range(len(case.drops))],
            "suspects": [odd if i == accused else [] for i in range(len(case.drops))],
        },
    )
    yield "price", {"recipe": recipe}


def best_corner(case: PoisoningCase) -> Any:
    """Stamp four by four bright pixels in the corner where a reader learns the sign best, unnoticed."""
    height, width = case.x.shape[2:]
    tried = []
    for top, left in ((top, left) for top in (0, height - _SIGN) for left in (0, width - _SIGN)):
        trigger = poisoning.patch(tuple(case.x.shape[1:]), size=_SIGN, top=top, left=left)
        made = poisoning.badnets(
            case.x,
            case.y,
            trigger=trigger,
            y_target=0,
            poison_rate=case.setting("poison_limit"),
            seed=derive(case.seed, "reference bot"),
        )
        reader = case.train(made.x_poisoned, made.y_poisoned, seed=derive(case.seed, "reference bot"))
        works = trigger_success_rate(reader, case.x_test, case.y_test, trigger=trigger, y_target=0)
        tried.append((works.value, made))
    tried.sort(key=lambda each: each[0], reverse=True)
    # Where the sign works best it may cost too much: then the next corner has to do.
    return next((made for _, made in tried if _goes_unnoticed(case, made)), tried[0][1])


def _goes_unnoticed(case: PoisoningCase, made: Any) -> bool:
    readers = case.judged(made.x_poisoned, made.y_poisoned)
    then, now = (
        sum(clean_accuracy(each, case.x_test, case.y_test).value for each in models) / len(models)
        for models in (case.clean_models, readers)
    )
    return then - now <= 0.01


def handed(made: Any) -> dict[str, Any]:
    """Return what the first checkpoint takes."""
    return {
        "x_poisoned": made.x_poisoned,
        "y_poisoned": made.y_poisoned,
        "mask": made.trigger.mask,
        "pattern": made.trigger.pattern,
        "y_target": made.y_target,
    }


def verdicts(case: PoisoningCase) -> dict[str, Any]:
    """Look for suspects that share a label, by what the reader sees, and name them.

    The acceptance set says how many there are where nothing is wrong: each of its samples asks
    the others.
    """
    checked = features(case.victim, case.x_test), case.y_test
    usual = most_alike(case.y_test, knn_consistency(*checked, k=5).remove)
    found = [knn_consistency(features(case.victim, d.x), d.y, k=5, trusted=checked) for d in case.drops]
    shares = [most_alike(d.y, each.remove) for d, each in zip(case.drops, found, strict=True)]
    said = ["poisoned" if share > usual + 0.05 else "clean" for share in shares]
    return {
        "verdicts": said,
        "suspects": [
            each.indices if word == "poisoned" else [] for word, each in zip(said, found, strict=True)
        ],
    }


def most_alike(y: torch.Tensor, suspects: torch.Tensor) -> float:
    """Return the share of the samples that are suspects with one and the same label."""
    return float(torch.bincount(y[suspects], minlength=1).max()) / len(y)
