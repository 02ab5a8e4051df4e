"""Three players of the lab about explanations: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from labkit.core import derive
from labkit.core.protocols import predict
from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.deciders import ACCEPT
from labkit.course.cases.explaining.notes import right_note
from labkit.explain import shap
from labkit.metrics import flip_rate

Handed = Iterator[tuple[str, dict[str, Any]]]

RECIPE = {"test": "flips", "records": "files", "count": 300, "moved": "group", "threshold": 0.02}


def reference(case: ExplainingCase) -> Handed:
    """Play the lab as the solution notebook does."""
    seed = derive(case.seed, "reference bot")
    yield "explain", {"values": shap(case.biased, case.x, ACCEPT, background=case.background).values}
    yield "scaffold", {"settings": {"prepared_for": "both", "copies": 4, "threshold": 0.65}}
    yield "audit", {"recipe": RECIPE}
    yield "price", {"recipe": {**RECIPE, "count": 250}}
    twins = case.files.twins()
    differs = predict(case.product, case.files.x) != predict(case.product, twins)
    order = torch.randperm(len(differs), generator=torch.Generator().manual_seed(seed))
    note = {
        **right_note(),
        "flip_share": flip_rate(case.product, case.files.x, twins).value,
        "witness": int(order[differs[order]][0]),
    }
    yield "note", {"note": note}


def nothing(case: ExplainingCase) -> Handed:
    """Say nothing, prepare for nobody, accuse nobody, leave the note empty."""
    yield "explain", {"values": torch.zeros_like(case.x)}
    yield "scaffold", {"settings": {"threshold": 1.0}}
    nobody = {"test": "parity", "threshold": 1.0}
    yield "audit", {"recipe": nobody}
    yield "price", {"recipe": nobody}
    yield "note", {"note": {}}


def lazy(case: ExplainingCase) -> Handed:
    """Explain against nobody, prepare for SHAP only, look at acceptance, believe the explanations."""
    nobody = torch.zeros(1, len(case.features))
    yield "explain", {"values": shap(case.biased, case.x, ACCEPT, background=nobody).values}
    yield "scaffold", {"settings": {"prepared_for": "shap"}}
    parity = {"test": "parity", "records": "files", "count": 300, "threshold": 0.1}
    yield "audit", {"recipe": parity}
    yield "price", {"recipe": parity}
    believed = {**right_note(), "group": "unused", "basis": "explanations", "flip_share": 0.0, "witness": 0}
    yield "note", {"note": believed}
