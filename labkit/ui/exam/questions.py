"""The fields of one exam item, made from what was issued of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.ui.answering import AnswerField, a_number, in_order, one_of, partners, several_of, together
from labkit.ui.html import escape, table

__all__ = ["asked", "headed", "question"]

Part = Mapping[str, Any]


def question(view: Mapping[str, Any], title: str, *, arrive: bool = False) -> str:
    """Return what is asked, below its title and with its exhibit, as HTML; see :func:`headed`."""
    head = headed(title, view["question"], arrive=arrive)
    return f'<div class="lk">{head}{_exhibit(view["exhibit"])}</div>'


def headed(title: str, words: str, *, arrive: bool = False) -> str:
    """Return the head of a task or an item as HTML.

    With ``arrive`` it takes the focus when it is shown, so that whoever came by a button below it
    hears what it is and goes on from there.
    """
    takes = " data-lk-arrive" if arrive else ""
    return (
        f'<div class="lk-place" role="group" tabindex="-1" aria-label="{escape(f"{title}. {words}")}"{takes}>'
        f"<h2>{escape(title)}</h2><p>{escape(words)}</p></div>"
    )


def asked(view: Mapping[str, Any], answer: Any = None) -> AnswerField:
    """Return the fields of an item, standing as it was answered.

    Parameters
    ----------
    view : mapping
        The item as it was issued (:func:`labkit.exams.bank.public_view`).
    answer : list or None
        The answer that is kept.
    """
    make = {"matching": _matching, "ordering": _ordering, "numeric": _numeric, "scenario": _scenario}
    return make.get(view["kind"], _single)(view, answer)


def _single(view: Mapping[str, Any], answer: Any) -> AnswerField:
    return _options(view["parts"][0], "Your answer", answer)


def _options(part: Part, label: str, answer: Sequence[int] | None) -> AnswerField:
    options = _pairs(part["options"])
    if part["several"]:
        return several_of(options, answer or ())
    return one_of(label, options, answer[0] if answer else None)


def _matching(view: Mapping[str, Any], answer: Any) -> AnswerField:
    chosen = [-1 if each is None else each for each in answer or ()]
    return partners(view["lefts"], _pairs(view["rights"]), chosen)


def _ordering(view: Mapping[str, Any], answer: Any) -> AnswerField:
    steps = _pairs(view["steps"])
    if answer:
        steps.sort(key=lambda step: answer.index(step[1]))
    return in_order(steps, moved=bool(answer))


def _numeric(view: Mapping[str, Any], answer: Any) -> AnswerField:
    field = a_number(view["unit"], answer[0] if answer else None)
    return AnswerField(
        field.view,
        lambda: [field.read()],
        field.watch,
        lambda: None if (number := field.so_far()) is None else [number],
    )


def _scenario(view: Mapping[str, Any], answer: Any) -> AnswerField:
    given = answer or [None] * len(view["parts"])
    return together(
        [
            (
                f"<strong>{number}.</strong> {escape(part['question'])}",
                _options(part, f"Answer to {number}", own),
            )
            for number, (part, own) in enumerate(zip(view["parts"], given, strict=True), start=1)
        ]
    )


def _pairs(options: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    return [(option["text"], option["position"]) for option in options]


def _exhibit(exhibit: Mapping[str, Any] | None) -> str:
    if exhibit is None:
        return ""
    title = exhibit["title"]
    if exhibit["kind"] == "table":
        return table(title, exhibit["columns"], exhibit["rows"])
    tag = "pre" if exhibit["kind"] == "code" else "p"
    return (
        f'<figure class="lk-exhibit" tabindex="0" role="region" aria-label="{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption><{tag}>{escape(exhibit['text'])}</{tag}></figure>"
    )
