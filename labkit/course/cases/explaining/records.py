"""What was handed in to the lab about explanations, written so that somebody else can measure it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from labkit.course.cases.explaining.auditing import check_recipe, files_opened
from labkit.course.cases.explaining.case import ExplainingCase
from labkit.course.cases.explaining.notes import check_note, entries
from labkit.course.cases.explaining.scaffolding import check_scaffold

__all__ = ["RECORDS", "handed_in_again"]

Record = dict[str, Any]


def _explain(case: ExplainingCase, values: Any) -> tuple[Record, Record]:
    given = torch.as_tensor(values)
    return {"applicants": len(given), "columns": ", ".join(case.features)}, {"values": given.tolist()}


def _scaffold(case: ExplainingCase, settings: Mapping[str, Any]) -> tuple[Record, Record]:
    made = check_scaffold(settings)
    return {"settings": made}, {"settings": made}


def _audit(case: ExplainingCase, recipe: Mapping[str, Any]) -> tuple[Record, Record]:
    made = check_recipe(recipe)
    return {"recipe": made, "files_opened": files_opened(made)}, {"recipe": made}


def _note(case: ExplainingCase, note: Mapping[str, Any]) -> tuple[Record, Record]:
    made = check_note(note)
    said = {entry.question: entry.option(made[entry.id]).text for entry in entries() if made[entry.id]}
    figures = {"share of files that the group alone decides": made["flip_share"], "witness": made["witness"]}
    return {**said, **figures}, {"note": made}


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "explain": _explain,
    "scaffold": _scaffold,
    "audit": _audit,
    "price": _audit,
    "note": _note,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""


def handed_in_again(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint takes, from what a record says was handed in."""
    kept = dict(record["handed_in"])
    return {"values": torch.tensor(kept["values"])} if "values" in kept else kept
