"""Mark an answer: how much of it is right, and why each part of the item is as it is.

An answer is a list of positions in the order of the declaration, whatever order was shown:

=========  ==================================================================
kind       answer
=========  ==================================================================
single     the option that was picked, in a list of one
multiple   the options that were picked
matching   for each left side, the position of the right side that was picked
ordering   the steps in the order that was given
case       for each question a list as above
=========  ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.course.quiz.item import Item, Part

__all__ = ["Marked", "Reason", "mark", "shown_order"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One option, pair or step: whether it was right, whether it was given, and why.

    Attributes
    ----------
    text : str
    right : bool
        Whether it belongs to the right answer (always, for a pair and a step).
    given : bool
        Whether the answer has it so.
    why : str
    part : int
        Question of a case that it belongs to; 0 elsewhere.
    """

    text: str
    right: bool
    given: bool
    why: str
    part: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """What an answer is worth.

    Attributes
    ----------
    credit : float
        0 to 1: what guessing without knowledge cannot collect is not given for it.
    right : bool
        Whether the whole item is right.
    reasons : tuple of Reason
        One for every option, pair or step.
    """

    credit: float
    right: bool
    reasons: tuple[Reason, ...]


def mark(item: Item, answer: Any) -> Marked:
    """Return what ``answer`` is worth, and the reason for everything in the item.

    A single option is right or not.  With several, each right one that was picked counts and
    each wrong one takes one off.  Pairs count one by one.  In an order, the share of neighbours
    and non-neighbours that stand the right way round counts from one half up, so that the
    reverse order is worth nothing.  A case is worth the mean of its questions.

    Raises
    ------
    InvalidInputError
        When the answer is none to this item.
    """
    if item.kind == "matching":
        return _matching(item, _positions(answer, len(item.pairs), exactly=len(item.asked)))
    if item.kind == "ordering":
        return _ordering(item, _positions(answer, len(item.steps), exactly=len(item.steps), distinct=True))
    given = answer if item.kind == "case" else [answer]
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != len(item.parts):
        raise InvalidInputError(f"expected one answer to each of {len(item.parts)} questions, got {answer!r}")
    credits, reasons = [], []
    for number, (part, chosen) in enumerate(zip(item.parts, given, strict=True)):
        picked = _positions(chosen, len(part.options), distinct=True)
        if len(part.right) == 1 and len(picked) > 1:
            raise InvalidInputError(f"expected one option, got {len(picked)}")
        credits.append(_part_credit(part, picked))
        reasons += [
            Reason(option.text, option.correct, i in picked, option.why, number)
            for i, option in enumerate(part.options)
        ]
    credit = sum(credits) / len(credits)
    return Marked(credit, all(each == 1 for each in credits), tuple(reasons))


def shown_order(item: Item, count: int, seed: int, what: str = "") -> list[int]:
    """Return the order in which ``count`` options are shown to the learner with this seed.

    The order of an item is the same each time, and says nothing about the right answer.
    """
    from labkit.core import derive

    keyed = sorted(range(count), key=lambda i: derive(seed, "quiz", item.id, what, i))
    if what == "steps" and keyed == list(range(count)):
        keyed = [*keyed[1:], keyed[0]]  # an order that is right already would be no question
    return keyed


def _part_credit(part: Part, picked: Sequence[int]) -> float:
    right = set(part.right)
    hits, wrong = len(right & set(picked)), len(set(picked) - right)
    return max(0.0, (hits - wrong) / len(right))


def _matching(item: Item, picked: Sequence[int]) -> Marked:
    hits = [i == chosen for i, chosen in enumerate(picked)]
    reasons = [
        Reason(f"{pair.left}: {pair.right}", True, hit, pair.why)
        for pair, hit in zip(item.asked, hits, strict=True)
    ]
    for i, decoy in list(enumerate(item.pairs))[len(item.asked) :]:
        reasons.append(Reason(decoy.right, False, i in picked, decoy.why))
    return Marked(sum(hits) / len(hits), all(hits), tuple(reasons))


def _ordering(item: Item, given: Sequence[int]) -> Marked:
    pairs = list(combinations(given, 2))
    share = sum(first < second for first, second in pairs) / len(pairs)
    reasons = tuple(Reason(step.text, True, given[i] == i, step.why) for i, step in enumerate(item.steps))
    return Marked(max(0.0, 2 * share - 1), share == 1, reasons)


def _positions(answer: Any, count: int, *, exactly: int | None = None, distinct: bool = False) -> list[int]:
    if not isinstance(answer, Iterable) or isinstance(answer, str):
        raise InvalidInputError(f"expected a list of positions, got {answer!r}")
    given = list(answer)
    if any(isinstance(each, bool) or not isinstance(each, int) for each in given):
        raise InvalidInputError(f"expected a list of positions, got {answer!r}")
    if any(not 0 <= each < count for each in given):
        raise InvalidInputError(f"expected positions from 0 to {count - 1}, got {given}")
    if exactly is not None and len(given) != exactly:
        raise InvalidInputError(f"expected {exactly} positions, got {len(given)}")
    if distinct and len(set(given)) != len(given):
        raise InvalidInputError(f"expected every position once, got {given}")
    return given
