"""What is measured on one participant's variant of the lab about explanations.

The participant hands in values, settings, a recipe and a note, all of them plain data.  The
exact explanation, the scaffold, the suspects and the files that they are judged on are made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from labkit.core import InvalidInputError, derive
from labkit.course.cases.explaining import records
from labkit.course.cases.explaining.auditing import audit, check_recipe, files_opened
from labkit.course.cases.explaining.case import ExplainingCase, explaining_case
from labkit.course.cases.explaining.deciders import ACCEPT, GROUP
from labkit.course.cases.explaining.files import fresh_files
from labkit.course.cases.explaining.notes import check_note, entries
from labkit.course.cases.explaining.scaffolding import build_scaffold, check_scaffold, look
from labkit.course.cases.explaining.suspects import hidden_suspects
from labkit.explain import shap
from labkit.metrics import Rate, flip_rate, named_first
from labkit.scoring import Measurement

make_case = explaining_case
RECORDS = records.RECORDS

LEAST_AGREEMENT = 0.99
LEAST_CAUGHT = 5
OVERCLAIM = 0.04  # how far a stated share may be off: three standard deviations on a thousand files
NOT_AN_AUDIT = 10_000.0  # files: the price of a recipe that does not do its work
JUDGED, JUDGED_FILES, NOTE_FILES = 16, 2000, 4000


# ------------------------------------------------------------------ explain


def measure_faithfulness(case: ExplainingCase, values: Tensor) -> Measurement:
    """Mean cosine between the values handed in and the exact Shapley values of the biased model."""
    given = torch.as_tensor(values)
    if tuple(given.shape) != tuple(case.x.shape) or not given.is_floating_point():
        raise InvalidInputError(
            f"expected values as floats of shape {tuple(case.x.shape)}, a number for each column of each "
            f"applicant; got {given.dtype} of shape {tuple(given.shape)}"
        )
    if not bool(given.isfinite().all()):
        raise InvalidInputError("expected finite values, got NaN or infinity")
    exact = _exact(case)
    alike = torch.cosine_similarity(given.detach().double(), exact.double(), dim=1)
    named = named_first(given.detach().float(), GROUP)
    return Measurement(
        float(alike.mean()),
        {
            "worst": float(alike.min()),
            "named": named.value,
            "truly_named": named_first(exact, GROUP).value,
            "sum_off": float((given.sum(1) - exact.sum(1)).abs().mean()),
            "nothing_said": float(not bool((given != 0).any())),
        },
    )


@lru_cache(maxsize=8)
def _exact(case: ExplainingCase) -> Tensor:
    return shap(case.biased, case.x, ACCEPT, background=case.background).values


# ------------------------------------------------------------------ scaffold


def measure_hidden(case: ExplainingCase, settings: Mapping[str, Any]) -> Measurement:
    """Share of explanations that do not name the group, by the keener explainer; 0 if decisions changed."""
    made = check_scaffold(settings)
    files = fresh_files(JUDGED_FILES, derive(case.seed, "judge's files")).x
    model = build_scaffold(case.biased, case.score, made, seed=derive(case.seed, "judge"))
    found = look(model, case.biased, files[:JUDGED], files, seed=derive(case.seed, "judge"))
    before = _looked_before(case)
    kept = found.agreement.value >= LEAST_AGREEMENT
    return Measurement(
        found.hidden if kept else 0.0,
        {
            "agreement": found.agreement.value,
            "kept": float(kept),
            "hidden": found.hidden,
            "lime": found.named["lime"].value,
            "shap": found.named["shap"].value,
            "lime_before": before["lime"],
            "shap_before": before["shap"],
            "recognised": float(model.recognises(files).float().mean()),
        },
    )


@lru_cache(maxsize=8)
def _looked_before(case: ExplainingCase) -> dict[str, float]:
    files = fresh_files(JUDGED_FILES, derive(case.seed, "judge's files")).x
    found = look(case.biased, case.biased, files[:JUDGED], files[:1], seed=derive(case.seed, "judge"))
    return {name: rate.value for name, rate in found.named.items()}


# ------------------------------------------------------------------ audit, and its price


def measure_caught(case: ExplainingCase, recipe: Mapping[str, Any]) -> Measurement:
    """Manipulated models that a recipe accuses among twelve hidden ones; 0 if it accuses an honest one."""
    facts = _judged(case, recipe, 0)
    return Measurement(0.0 if facts["false_accusations"] else facts["caught"], facts)


def measure_files(case: ExplainingCase, recipe: Mapping[str, Any]) -> Measurement:
    """Files that a recipe opens, while it does its work on twelve other hidden models."""
    facts = _judged(case, recipe, 1)
    works = facts["caught"] >= LEAST_CAUGHT and not facts["false_accusations"]
    opened = float(files_opened(recipe))
    return Measurement(opened if works else NOT_AN_AUDIT, {**facts, "works": float(works), "opened": opened})


def _judged(case: ExplainingCase, recipe: Mapping[str, Any], turn: int) -> dict[str, Any]:
    made = check_recipe(recipe)
    suspects = hidden_suspects(derive(case.seed, "suspects"), turn)
    verdicts = audit(suspects, made, seed=derive(case.seed, "audit", turn))
    pairs = list(zip(suspects, verdicts, strict=True))
    caught = [s for s, v in pairs if s.manipulated and v.accused]
    missed = [s.kind for s, v in pairs if s.manipulated and not v.accused]
    wrong = [s.kind for s, v in pairs if not s.manipulated and v.accused]
    honest = [v.value for s, v in pairs if not s.manipulated]
    guilty = [v.value for s, v in pairs if s.manipulated]
    return {
        "caught": float(len(caught)),
        "false_accusations": float(len(wrong)),
        "missed": float(len(missed)),
        "missed_kinds": ", ".join(sorted(missed)) or "none",
        "wronged_kinds": ", ".join(sorted(wrong)) or "none",
        "highest_honest": max(honest),
        "lowest_guilty": min(guilty),
        "threshold": float(made["threshold"]),
        "count": float(made["count"]),
        "flips": float(made["test"] == "flips"),
        "on_files": float(made["records"] == "files"),
        "published": float(made["records"] == "published"),
        "group_alone": float(made["moved"] == "group"),
    }


# ------------------------------------------------------------------ note


def measure_note(case: ExplainingCase, note: Mapping[str, Any]) -> Measurement:
    """Share of a note that the judge's measurements bear out; at most one half if its figures do not hold."""
    made = check_note(note)
    truth = _flips(case)
    off = abs(made["flip_share"] - truth.value)
    stated = made["flip_share"] >= 0
    holds = stated and off <= OVERCLAIM
    shows = _shows(case, made["witness"])
    wrong = [entry for entry in entries() if made[entry.id] != entry.right]
    unanswered = sum(not made[entry.id] for entry in entries())
    total = len(entries()) + 2
    share = (len(entries()) - len(wrong) + holds + shows) / total
    first = next((entry for entry in wrong if made[entry.id]), None)
    return Measurement(
        share if holds and shows else min(share, 0.5),
        {
            "right": float(len(entries()) - len(wrong)),
            "entries": float(len(entries())),
            "unanswered": float(unanswered),
            "holds": float(holds),
            "stated": float(stated),
            "claimed": max(0.0, made["flip_share"]),
            "true_share": truth.value,
            "low": truth.low,
            "high": truth.high,
            "shows": float(shows),
            "wrong_answers": float(len(wrong) - unanswered),
            "wrong_question": first.question if first else "none",
            "wrong_why": first.option(made[first.id]).why if first else "",
        },
    )


@lru_cache(maxsize=8)
def _flips(case: ExplainingCase) -> Rate:
    files = fresh_files(NOTE_FILES, derive(case.seed, "note"))
    return flip_rate(case.product, files.x, files.twins())


def _shows(case: ExplainingCase, witness: int) -> bool:
    """Say whether the group alone decides about one issued file."""
    if not 0 <= witness < len(case.files):
        return False
    one = slice(witness, witness + 1)
    return bool(flip_rate(case.product, case.files.x[one], case.files.twins()[one]).value)


MEASURES = {
    "faithfulness": measure_faithfulness,
    "hidden": measure_hidden,
    "caught": measure_caught,
    "files": measure_files,
    "note": measure_note,
}

OUTCOMES = {
    "named_after_percent": lambda case: _named_after(case),
    "flip_percent": lambda case: 100 * _flips(case).value,
}


@lru_cache(maxsize=8)
def _named_after(case: ExplainingCase) -> float:
    found = look(case.product, case.product, case.x, case.x, seed=derive(case.seed, "prediction"))
    return 100 * found.named["lime"].value
