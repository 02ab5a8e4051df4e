"""Three players of the extraction lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit import models
from labkit.attacks.extraction import imitate, solve_linear
from labkit.core import derive
from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.dispute import reference_models
from labkit.course.cases.extraction.guarding import BARE, Guard
from labkit.course.cases.extraction.judging import LEVEL
from labkit.defenses.ownership import KeySet, conferrable_fingerprint
from labkit.metrics import holm, ownership_test

Handed = Iterator[tuple[str, dict[str, Any]]]

GOOD = {
    "level": "flag",
    "strength": 0.0,
    "rate_limit": 100,
    "detector": "both",
    "false_alarm_rate": 0.005,
}


def reference(case: ExtractionCase) -> Handed:
    """Play the lab as the solution notebook does."""
    solved = solve_linear(case.score_oracle())
    yield "exact", {"weights": solved.weights, "bias": solved.bias}
    stolen = imitate(
        case.oracle(),
        case.pool,
        query_budget=case.query_budget,
        strategy="jacobian",
        seed=derive(case.seed, "reference bot"),
    )
    yield "steal", stolen.parts()
    yield "shield", GOOD
    yield "price", GOOD
    own, made = case.own, reference_models(case.scenario)
    keys = conferrable_fingerprint(
        own.model,
        own.x,
        own.y,
        copies=made.copies,
        independent=made.independent,
        held_back=made.held_back,
    )
    yield "dispute", decide(case, keys)


def nothing(case: ExtractionCase) -> Handed:
    """Hand in zeros and an untrained network, protect nothing, accuse nobody."""
    width = case.score.input_shape[0]
    yield "exact", {"weights": torch.zeros(1, width), "bias": torch.zeros(1)}
    fresh = models.build("mlp", tuple(case.reader.input_shape), case.reader.classes)
    yield "steal", {"architecture": "mlp", "weights": fresh.state_dict()}
    yield "shield", BARE.settings()
    yield "price", BARE.settings()
    own = case.own
    keys = {"x_keys": own.x_public[:30], "y_keys": own.y_public[:30]}
    yield "dispute", {"verdicts": ["independent"] * 6, "p_values": [1.0] * 6, **keys}


def lazy(case: ExtractionCase) -> Handed:
    """Ask a few questions, guess the rest, round the answers, trust the watermark alone."""
    solved = solve_linear(case.score_oracle())
    yield "exact", {"weights": solved.weights.round(), "bias": solved.bias.round()}
    stolen = imitate(case.oracle(), case.pool, query_budget=60, seed=derive(case.seed, "lazy bot"))
    yield "steal", stolen.parts()
    rounded = Guard(level="tenths", rate_limit=100).settings()
    yield "shield", rounded
    yield "price", rounded
    yield "dispute", decide(case, case.own.watermark)


def decide(case: ExtractionCase, keys: KeySet) -> dict[str, Any]:
    """Test every suspect on the keys, adjust for their number, and call those stolen that are left."""
    tests = [ownership_test(each.service, keys.x, keys.y, chance=keys.chance) for each in case.suspects]
    p_values = holm([test.p_value for test in tests])
    verdicts = ["stolen" if p <= LEVEL else "independent" for p in p_values]
    return {"verdicts": verdicts, "p_values": p_values, "x_keys": keys.x, "y_keys": keys.y}
