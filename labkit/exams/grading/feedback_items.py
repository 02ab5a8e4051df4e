"""Items of a practice exam with their questions, what was answered, and the reason for everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from labkit.exams.grading.feedback_parts import as_list, as_table, escape

__all__ = ["items_with_reasons"]

Words = Mapping[tuple[bool, bool], str]

_OPTIONS: Words = {
    (True, True): "Right, and you chose it",
    (True, False): "Right, and you did not choose it",
    (False, True): "Wrong, and you chose it",
    (False, False): "Wrong, and you left it",
}
_WORDS: Mapping[str, Words] = {
    "matching": {
        (True, True): "Right, as you had it",
        (True, False): "Right; you had it otherwise",
        (False, True): "Belongs to nothing, and you used it",
        (False, False): "Belongs to nothing",
    },
    "ordering": {(True, True): "In its place", (True, False): "Belongs here; you had it elsewhere"},
    "numeric": {
        (True, True): "Right, and yours",
        (True, False): "Right",
        (False, True): "Yours, by a slip",
        (False, False): "Comes of a slip",
    },
}
"""Kind to what is said of a reason: whether it was right, whether the answer had it so."""

_OPEN: Words = {(True, False): "Right", (False, False): "Wrong"}


def items_with_reasons(items: Sequence[Mapping[str, Any]]) -> str:
    """Return every item of a score sheet as it was asked, with reasons, as HTML."""
    return "<h2>Items with reasons</h2>" + "".join(map(_item, items))


def _item(item: Mapping[str, Any]) -> str:
    asked, parts = item["asked"], item["asked"]["parts"]
    head = (
        f"{item['id']}: {item['credit']:.2f} of 1"
        if item["answer"] is not None
        else f"{item['id']}: left open"
    )
    page = f"<h3>{escape(head)}</h3><p>{escape(asked['question'])}</p>{_exhibit(asked['exhibit'])}"
    page += f"<p>{escape(item['refused'])}</p>" if item["refused"] else ""
    if item["kind"] == "numeric" and item["answer"] is not None:
        page += f"<p>You gave {escape(str(item['answer'][0]))} {escape(asked['unit'])}.</p>"
    for number, reasons in groupby(item["reasons"], key=lambda reason: reason["part"]):
        question = parts[number] if number < len(parts) else ""
        page += f"<p>{escape(question)}</p>" if question else ""
        told = [_reason(item, reason) for reason in reasons]
        page += as_list(told, "ol" if item["kind"] == "ordering" else "ul")
    return page


def _reason(item: Mapping[str, Any], reason: Mapping[str, Any]) -> str:
    words = _OPEN if item["answer"] is None else _WORDS.get(item["kind"], _OPTIONS)
    return f"{words[reason['right'], reason['given']]}: {_sentence(reason['text'])} {reason['why']}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."


def _exhibit(exhibit: Mapping[str, Any] | None) -> str:
    if exhibit is None:
        return ""
    if exhibit["kind"] == "table":
        return as_table(exhibit["title"], exhibit["columns"], exhibit["rows"])
    return f"<p><strong>{escape(exhibit['title'])}</strong></p><pre>{escape(exhibit['text'])}</pre>"
