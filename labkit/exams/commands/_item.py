"""One item as lines for a terminal or a screen reader."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from labkit.core.tables import format_table
from labkit.exams.sitting.answering import answer_form

__all__ = ["item_lines"]


def item_lines(view: Mapping[str, Any], given: Mapping[str, Any] | None) -> list[str]:
    """Return an item as it was issued, what an answer looks like, and the answer that is kept.

    Parameters
    ----------
    view : mapping
        The item as it is shown; each option with the position that an answer names.
    given : mapping or None
        ``answer`` and ``confidence``, where there is one.
    """
    lines = [f"{view['id']}, {view['kind']}", "", view["question"], *_exhibit(view["exhibit"])]
    for part in view.get("parts", ()):
        lines += ["", part["question"]] if part["question"] else [""]
        lines += _positions(part["options"])
    if "lefts" in view:
        lines += ["", *(f"  {number}. {text}" for number, text in enumerate(view["lefts"], start=1)), ""]
    lines += _positions([*view.get("rights", ()), *view.get("steps", ())])
    unit = f" in {view['unit']}" if view.get("unit") else ""
    lines += ["", f"Answer{unit} with {answer_form(view)}."]
    if given is None:
        return [*lines, "Nothing is answered yet."]
    sure = f", {given['confidence']}" if given.get("confidence") else ""
    return [*lines, f"Your answer: {json.dumps(given['answer'])}{sure}"]


def _positions(shown: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"  [{each['position']}] {each['text']}" for each in shown]


def _exhibit(exhibit: Mapping[str, Any] | None) -> list[str]:
    if exhibit is None:
        return []
    body = (
        format_table(exhibit["columns"], exhibit["rows"]) if exhibit["kind"] == "table" else exhibit["text"]
    )
    return ["", exhibit["title"], *(f"  {line}" for line in body.splitlines())]
