"""Players of T7: one who measures, one who hands in nothing, one who measures and accuses nobody."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from labkit.core.protocols import Classifier, predict
from labkit.exams.issued import Issued, load_model
from labkit.exams.task import Variant
from labkit.metrics import binomial_p_value, flip_rate, holm, parity_gap

_BEST = {"why_ordinary": 3, "why_line": 2, "why_again": 1}


def reference(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Measure every suspect, accuse whom the figures accuse, and claim what they bear."""
    play = _ownership if issued.facts["family"] == "ownership" else _audit
    return {**play(issued), **_BEST}


def nothing(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Hand in an empty table."""
    return {"verdicts": [], "claim": 0.0}


def lazy(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Measure and choose as the reference does, and accuse nobody: nothing can be wrong with that."""
    innocent = {"ownership": "not shown", "audit": "clean"}[issued.facts["family"]]
    found = reference(issued, variant)
    return {**found, "verdicts": [{**row, "verdict": innocent} for row in found["verdicts"]], "claim": 0.0}


def _ownership(issued: Issued) -> dict[str, Any]:
    told, given = issued.facts, issued.tensors
    secret = [i for i in range(len(given["keys_y"])) if i not in told["published_keys"]]
    ours = predict(load_model(issued, "ours"), given["ordinary_x"])
    rows, p_values = [], []
    for name in told["suspects"]:
        model = load_model(issued, name)
        right = predict(model, given["keys_x"][secret]) == given["keys_y"][secret]
        p_values.append(binomial_p_value(int(right.sum()), len(secret), 1 / told["classes"]))
        agrees = predict(model, given["ordinary_x"]) == ours
        rows.append(
            {
                "suspect": name,
                "evidence": float(right.float().mean()),
                "ordinary": float(agrees.float().mean()),
            }
        )
    adjusted = holm(p_values)
    for row, p_value in zip(rows, adjusted, strict=True):
        row["verdict"] = "copy" if p_value < 1e-3 else "not shown"
    accused = [p for p in adjusted if p < 1e-3]
    return {"verdicts": rows, "claim": math.log10(max(1e-60, max(accused))) if accused else 0.0}


def _audit(issued: Issued) -> dict[str, Any]:
    told, files = issued.facts, issued.tensors["files_x"]
    group = told["group_column"]
    twins = files.clone()
    twins[:, group] = 1 - twins[:, group]
    rows = []
    for name in told["suspects"]:
        model = load_model(issued, name)
        flipped = predict(model, files) != predict(model, twins)
        gap = parity_gap(model, files, files[:, group] == 1, target=told["accept_class"])
        rows.append(
            {
                "suspect": name,
                "verdict": _verdict(told, name, _named(model, files, group), files[flipped]),
                "evidence": flip_rate(model, files, twins).value,
                "ordinary": abs(gap),
            }
        )
    shares = [row["evidence"] for row in rows if row["verdict"] != "clean"]
    return {"verdicts": rows, "claim": 100 * max(shares, default=0.0)}


def _named(model: Classifier, files: Tensor, group: int) -> float:
    """Return how far the log-odds move without the group, as a share of all columns."""
    odds = model.logits(files).diff(dim=1)
    moved = []
    for column in range(files.shape[1]):
        x = files.clone()
        x[:, column] = files[:, column].mean()
        moved.append(float((model.logits(x).diff(dim=1) - odds).abs().mean()))
    return moved[group] / sum(moved)


def _verdict(told: Mapping[str, Any], name: str, measured: float, flipped: Tensor) -> str:
    """Tell by where decisions flip, and by whether the provider's own table says so."""
    if not len(flipped):
        return "clean"
    if bool((flipped[:, told["features"].index("district")] == 1).all()):
        return "part of the group"
    said = told["published_importance"][name][told["features"][told["group_column"]]]
    return "by group, said" if said > measured / 2 else "by group, hidden"
