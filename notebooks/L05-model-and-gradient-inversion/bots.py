"""Three players of the inversion lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.attacks.inversion import invert_class, invert_linear, match_gradients, search_class
from labkit.core import derive
from labkit.course.inversion import InversionCase

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: InversionCase) -> Handed:
    """Play the lab as the solution notebook does."""
    seed = derive(case.seed, "reference bot")
    made = invert_class(case.victim, case.y_target, prior=case.prior, prior_strength=0.01, seed=seed)
    yield "prototypes", {"x_hat": made.x_hat}
    yield "recognised", {"x_hat": made.x_hat}

    asked = search_class(
        case.oracle(), case.y_target, prior=case.prior, query_budget=case.query_budget, seed=seed
    )
    yield "black-box", {"x_hat": asked.x_hat, "queries": asked.queries}

    found = invert_linear(case.shared_model, case.sent)
    yield "gradient", {"x_hat": found.x_hat, "y": int(found.y[0])}

    chosen = {
        name: case.scenario.settings[f"reference_{name}"]
        for name in ("clip", "noise_multiplier", "batch_size")
    }
    yield "shield", chosen
    yield "service", {"level": "label"}
    yield "price", {**chosen, "level": "label"}


def nothing(case: InversionCase) -> Handed:
    """Hand in the average public picture, and protect nothing."""
    average = case.prior.mean.expand(len(case.y_target), *case.prior.mean.shape)
    yield "prototypes", {"x_hat": average}
    yield "recognised", {"x_hat": average}
    yield "black-box", {"x_hat": average, "queries": torch.zeros(len(case.y_target), dtype=torch.int64)}
    yield "gradient", {"x_hat": average[:1], "y": 0}
    bare = {"clip": 100.0, "noise_multiplier": 0.0, "batch_size": 1}
    yield "shield", bare
    yield "service", {"level": "probabilities"}
    yield "price", {**bare, "level": "probabilities"}


def lazy(case: InversionCase) -> Handed:
    """Stop after the first that works: one target drawn and handed in thrice, and company without noise."""
    seed, one = derive(case.seed, "lazy bot"), case.y_target[:1]
    made = invert_class(case.victim, one, prior=case.prior, prior_strength=0.01, seed=seed)
    thrice = made.x_hat.expand(len(case.y_target), *made.x_hat.shape[1:])
    yield "prototypes", {"x_hat": thrice}
    yield "recognised", {"x_hat": thrice}
    asked = search_class(case.oracle(), one, prior=case.prior, query_budget=case.query_budget, seed=seed)
    yield (
        "black-box",
        {"x_hat": asked.x_hat.expand_as(thrice), "queries": asked.queries.expand(len(case.y_target))},
    )
    rough = match_gradients(case.shared_model, case.sent, steps=15, seed=seed)
    yield "gradient", {"x_hat": rough.x_hat, "y": int(rough.y[0])}
    batch_only = {"clip": 1.0, "noise_multiplier": 0.0, "batch_size": 16}
    yield "shield", batch_only
    yield "service", {"level": "hundredths"}
    yield "price", {**batch_only, "level": "hundredths"}
