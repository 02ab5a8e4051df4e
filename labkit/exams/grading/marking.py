"""Mark the answers to the objective items of a form."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError, LabkitError

if TYPE_CHECKING:
    from labkit.exams.bank import Bank

__all__ = ["bank_of", "mark_items"]

CONFIDENCES = ("guess", "think", "know")


def mark_items(
    content: Path, form: Mapping[str, Any], answers: Mapping[str, Any], points: float, *, count: bool = True
) -> list[dict[str, Any]]:
    """Return the entries of the items in the score sheet.

    Parameters
    ----------
    content : Path
        Folder of the exam as it was frozen.
    form : mapping
        The issued form: which items, in which revision and variant.
    answers : mapping
        Item to ``{"answer", "confidence"}``, as the candidate wrote them.
    points : float
        Of one item.
    count : bool
        False earns nothing, whatever was answered.
    """
    marked = []
    for entry in form.get("items", ()):
        given = answers.get(entry["id"]) if count else None
        marked.append(_mark(content, entry, given, points))
    return marked


def _mark(content: Path, entry: Mapping[str, Any], given: Any, points: float) -> dict[str, Any]:
    from labkit.exams.bank import mark, public_view

    item = bank_of(content).find(entry["id"], entry["revision"])
    refused = ""
    try:
        answer, confidence = _read(given)
        result = mark(item, entry["variant"], answer)
    except LabkitError as error:
        # What is no answer to this item is worth what none is.
        answer, confidence, refused = None, None, str(error)[:300]
        result = mark(item, entry["variant"], None)
    view = public_view(item, entry["variant"], entry["order"])
    return {
        "id": item.id,
        "revision": item.revision,
        "variant": entry["variant"],
        "domain": item.domain,
        "kind": item.kind,
        "asked": {
            "question": view["question"],
            "exhibit": view["exhibit"],
            "parts": [part["question"] for part in view.get("parts", ())],
            "unit": view.get("unit", ""),
        },
        "points": points,
        "credit": result.credit,
        "confidence": confidence,
        "answer": answer,
        "refused": refused,
        "reasons": [asdict(reason) for reason in result.reasons],
    }


def _read(given: Any) -> tuple[Any, str | None]:
    """Return answer and confidence out of what the candidate wrote."""
    if given is None:
        return None, None
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"expected an answer with its confidence, got {type(given).__name__}")
    confidence = given.get("confidence")
    return given.get("answer"), confidence if confidence in CONFIDENCES else None


@functools.lru_cache(4)
def bank_of(content: Path) -> Bank:
    """Return the items of a frozen exam; they are read once."""
    from labkit.exams.bank import read_bank

    return read_bank(content / "items")
