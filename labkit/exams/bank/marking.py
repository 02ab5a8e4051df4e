"""Mark an answer of a candidate by the rules of the quiz.

An answer names positions (see :mod:`labkit.exams.bank.views`):

=========  ==================================================================
kind       answer
=========  ==================================================================
single     the position that was picked, in a list of one
multiple   the positions that were picked
matching   for each left side, the position of the right side, or None
ordering   the positions in the order that was given
scenario   for each question a list as for single or multiple
numeric    the number, in a list of one
=========  ==================================================================

None, in place of an answer or of one question of a scenario, is no answer and worth nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from reprlib import repr
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.course.quiz import Marked, Reason
from labkit.course.quiz import mark as mark_declared
from labkit.exams.bank.filling import filled
from labkit.exams.bank.item import BankItem, Number
from labkit.exams.bank.views import declared_places

__all__ = ["mark", "right_answer"]

ROUNDING = 1e-9
"""Relative slack beside a tolerance: 0.1 + 0.2 is as good as 0.3."""


def mark(item: BankItem, variant: str, answer: Any) -> Marked:
    """Return what ``answer`` is worth, and the reason for everything in the item.

    Raises
    ------
    InvalidInputError
        When the answer is none to this item.
    UnknownNameError
        When the item has no such variant.
    """
    said = filled(item, variant)
    if answer is None:
        right = _mark_filled(item, said, right_answer(item, variant))
        return Marked(0.0, False, tuple(replace(reason, given=False) for reason in right.reasons))
    return _mark_filled(item, said, answer)


def right_answer(item: BankItem, variant: str = "") -> list[Any]:
    """Return the answer that is worth everything; trusted side only."""
    if number := filled(item, variant).number:
        return [number.value]
    found = [[known.index(i) for i in range(len(known))] for known in declared_places(item)]
    if item.kind == "matching":
        return found[0][: len(item.asked)]
    if item.kind == "ordering":
        return found[0]
    picked = [sorted(own[i] for i in part.right) for own, part in zip(found, item.parts, strict=True)]
    return picked if item.kind == "scenario" else picked[0]


def _mark_filled(item: BankItem, said: BankItem, answer: Any) -> Marked:
    if said.number is not None:
        return _mark_number(said.number, answer)
    places = declared_places(item)
    if item.kind == "scenario":
        given = _list(answer, len(places), "an answer to each question")
        declared = [
            _declared([] if own is None else own, known) for own, known in zip(given, places, strict=True)
        ]
        return mark_declared(replace(said, kind="case"), declared)
    if item.kind == "matching":
        given = _list(answer, len(item.asked), "a position for each left side")
        # The right side of another pair stands for no answer: it is wrong, and no decoy.
        spare = [(i + 1) % len(item.asked) for i in range(len(given))]
        picked = [own if own is None else _declared([own], places[0])[0] for own in given]
        return mark_declared(said, [s if own is None else own for s, own in zip(spare, picked, strict=True)])
    return mark_declared(said, _declared(answer, places[0]))


def _declared(answer: Any, places: Sequence[int]) -> list[int]:
    """Return places in the file for positions, and an error for what is none."""
    if not isinstance(answer, list | tuple) or any(type(each) is not int for each in answer):
        raise InvalidInputError(f"expected a list of positions, got {repr(answer)}")
    if any(not 0 <= each < len(places) for each in answer):
        raise InvalidInputError(f"expected positions from 0 to {len(places) - 1}, got {repr(answer)}")
    return [places[each] for each in answer]


def _list(answer: Any, count: int, what: str) -> Sequence[Any]:
    if not isinstance(answer, list | tuple) or len(answer) != count:
        raise InvalidInputError(f"expected {what}, in a list of {count}; got {repr(answer)}")
    return answer


def _mark_number(number: Number, answer: Any) -> Marked:
    given = _list(answer, 1, "a number")[0]
    if isinstance(given, bool) or not isinstance(given, int | float) or not _is_finite(given):
        raise InvalidInputError(f"expected a finite number in a list of one, got {repr(answer)}")

    def near(value: float) -> bool:
        return abs(given - value) <= number.tolerance + ROUNDING * max(1.0, abs(value))

    right = near(number.value)
    reasons = [Reason(_said(number.value, number.unit), True, right, number.why)]
    reasons += [
        Reason(_said(each.value, number.unit), False, not right and near(each.value), each.why)
        for each in number.mistakes
    ]
    return Marked(float(right), right, tuple(reasons))


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond the largest float
        return False


def _said(value: float, unit: str) -> str:
    return f"{value:g} {unit}".strip()
