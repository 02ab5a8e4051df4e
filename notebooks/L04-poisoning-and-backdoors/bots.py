"""Three players of the poisoning lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.attacks import poisoning
from labkit.core import Trigger, derive, make_generator
from labkit.course.poisoning import PoisoningCase
from labkit.course.screening import screen
from labkit.defenses.sanitising import knn_consistency
from labkit.models import penultimate

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: PoisoningCase) -> Handed:
    """Play the lab as the solution notebook does."""
    made = darkest_corner(case)
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
        "threshold": 0.5,
        "only_unvouched": True,
    }
    yield "clean-up", {"remove": screen(case, case.delivery, recipe).indices}
    yield "blind", {"verdicts": verdicts(case)}
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
    yield "blind", {"verdicts": ["clean"] * 4}
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
    yield "blind", {"verdicts": ["poisoned"] * 4}
    yield "price", {"recipe": recipe}


def darkest_corner(case: PoisoningCase) -> Any:
    """Stamp three by three bright pixels where the pictures are darkest."""
    height, width = case.x.shape[2:]
    ink = case.x.mean((0, 1))
    places = [(top, left) for top in (0, height - 3) for left in (0, width - 3)]
    top, left = min(places, key=lambda at: float(ink[at[0] : at[0] + 3, at[1] : at[1] + 3].sum()))
    return poisoning.badnets(
        case.x,
        case.y,
        trigger=poisoning.patch(tuple(case.x.shape[1:]), size=3, top=top, left=left),
        y_target=0,
        poison_rate=case.setting("poison_limit"),
        seed=derive(case.seed, "reference bot"),
    )


def handed(made: Any) -> dict[str, Any]:
    """Return what the first checkpoint takes."""
    return {
        "x_poisoned": made.x_poisoned,
        "y_poisoned": made.y_poisoned,
        "mask": made.trigger.mask,
        "pattern": made.trigger.pattern,
        "y_target": made.y_target,
    }


def verdicts(case: PoisoningCase) -> list[str]:
    """Hold the labels of every drop against the acceptance set; poison disagrees with it too often."""
    expected = knn_consistency(case.x, case.y, k=5, trusted=(case.x_test, case.y_test)).remove
    usual = float(expected.float().mean())
    shares = [
        float(knn_consistency(drop.x, drop.y, k=5, trusted=(case.x_test, case.y_test)).remove.float().mean())
        for drop in case.drops
    ]
    return ["poisoned" if share > usual + 0.02 else "clean" for share in shares]
