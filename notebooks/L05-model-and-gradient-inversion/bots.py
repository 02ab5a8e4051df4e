"""Three players of the inversion lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.attacks.inversion import infer_labels, invert_class, invert_linear, match_gradients, search_class
from labkit.core import derive
from labkit.course.cases.inversion.case import InversionCase

Handed = Iterator[tuple[str, dict[str, Any]]]

COMPANY = 4


def reference(case: InversionCase) -> Handed:
    """Play the lab as the solution notebook does."""
    seed = derive(case.seed, "reference bot")
    made = invert_class(case.victim, case.y_target, prior=case.prior, seed=seed)
    yield "prototypes", {"x_hat": made.x_hat}
    yield "recognised", {"x_hat": made.x_hat}

    asked = search_class(
        case.oracle(), case.y_target, prior=case.prior, query_budget=case.query_budget, seed=seed
    )
    yield "black-box", {"x_hat": asked.x_hat}

    found = invert_linear(case.shared_model, case.sent)
    yield "gradient", {"x_hat": found.x_hat, "y": int(found.y[0])}

    four = match_gradients(
        case.shared_model,
        case.sent_batch,
        batch_size=COMPANY,
        prior=case.prior,
        smoothness=0.0,
        steps=80,
        step_size=0.1,
        seed=seed,
    )
    yield "company", {"x_hat": four.x_hat, "y": four.y}

    chosen = {
        name: case.scenario.settings[f"reference_{name}"]
        for name in ("clip", "noise_multiplier", "batch_size")
    }
    yield "shield", chosen
    yield "service", {"level": "flag"}
    yield "price", {**chosen, "level": "flag"}


def nothing(case: InversionCase) -> Handed:
    """Hand in the average public picture, and protect nothing."""
    average = case.prior.mean.expand(len(case.y_target), *case.prior.mean.shape)
    yield "prototypes", {"x_hat": average}
    yield "recognised", {"x_hat": average}
    yield "black-box", {"x_hat": average}
    yield "gradient", {"x_hat": average[:1], "y": 0}
    yield "company", {"x_hat": average[:1].repeat(COMPANY, 1, 1, 1), "y": torch.arange(COMPANY)}
    bare = {"clip": 100.0, "noise_multiplier": 0.0, "batch_size": 1}
    yield "shield", bare
    yield "service", {"level": "probabilities"}
    yield "price", {**bare, "level": "probabilities"}


def lazy(case: InversionCase) -> Handed:
    """Stop after the first that works, divide a mixture, take company without noise, say the label only."""
    seed, one = derive(case.seed, "lazy bot"), case.y_target[:1]
    made = invert_class(case.victim, one, prior=case.prior, seed=seed)
    thrice = made.x_hat.expand(len(case.y_target), *made.x_hat.shape[1:])
    yield "prototypes", {"x_hat": thrice}
    yield "recognised", {"x_hat": thrice}
    asked = search_class(case.oracle(), one, prior=case.prior, query_budget=case.query_budget, seed=seed)
    yield "black-box", {"x_hat": asked.x_hat.expand_as(thrice)}
    rough = match_gradients(case.shared_model, case.sent, steps=15, seed=seed)
    yield "gradient", {"x_hat": rough.x_hat, "y": int(rough.y[0])}
    mixed = invert_linear(case.shared_model, case.sent_batch).x_hat
    labels = infer_labels(case.shared_model, case.sent_batch, COMPANY)
    yield "company", {"x_hat": mixed.repeat(COMPANY, 1, 1, 1), "y": labels}
    batch_only = {"clip": 1.0, "noise_multiplier": 0.0, "batch_size": 128}
    yield "shield", batch_only
    yield "service", {"level": "label"}
    yield "price", {**batch_only, "level": "label"}
