"""What gives an answer away without any knowledge: length, full stops; and reasons that give none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from labkit.course.lab import DOMAINS
from labkit.course.quiz.item import Item, Part

__all__ = ["LEAST_REASON", "bank_tells", "item_tells", "length_ranks"]

LEAST_REASON = 30
"""A reason with fewer characters than this gives none: it names, or says no more than wrong."""

TELLING = 1.6
"""A right option this many times as long as the longest wrong one, or as short, is a hint."""

LOPSIDED = 1.4
"""A rank by length may be right this many times as often as by chance, over the whole bank."""

LOPSIDED_DOMAIN = 1.68
"""The same within a domain, where chance plays a larger part."""

LEAST_PARTS = 10
"""Fewer questions than this say nothing about a habit of length."""

MARKS = ";:(?"
"""Marks by which whoever writes with care may give the right option away."""

LEAST_MARKED, LOPSIDED_MARK = 6, 0.6
"""In so many questions only one option has a mark, and in this share of them it is the right one."""


def item_tells(item: Item) -> Iterator[tuple[str, str]]:
    """Yield what is to be looked at in one item: the kind of finding, and what it is."""
    for part in item.parts:
        right = [len(option.text) for option in part.options if option.correct]
        wrong = [len(option.text) for option in part.options if not option.correct]
        if len(right) == 1 and right[0] > TELLING * max(wrong):
            yield "telling", "the right option is much longer than the others"
        if len(right) == 1 and right[0] * TELLING < min(wrong):
            yield "telling", "the right option is much shorter than the others"
        if len({option.text[-1] in ".?!" for option in part.options}) > 1:
            yield "ending", "some options end with a full stop and some do not"
    for why in _reasons(item):
        if len(why) < LEAST_REASON:
            yield "reason", f"{why!r} is shorter than {LEAST_REASON} characters: say why"


def length_ranks(parts: Iterable[Part], options: int) -> tuple[list[float], int]:
    """Return how often the right option has each rank by length, the longest first.

    Parameters
    ----------
    parts : iterable of Part
        Those with one right option among ``options`` are counted.
    options : int

    Returns
    -------
    shares : list of float
        One for each rank, summing to 1: what ticking by this rank scores.  Options of equal
        length share their ranks, as whoever goes by length has to guess among them.
    count : int
        How many questions were counted.
    """
    counted = [part for part in parts if len(part.options) == options and len(part.right) == 1]
    shares = [0.0] * options
    for part in counted:
        lengths = [len(option.text) for option in part.options]
        own = lengths[part.right[0]]
        first, tied = sum(each > own for each in lengths), lengths.count(own)
        for rank in range(first, first + tied):
            shares[rank] += 1 / tied / len(counted)
    return shares, len(counted)


def bank_tells(items: Iterable[Item]) -> Iterator[tuple[str, str]]:
    """Yield what is to be looked at over all items or in a domain: the kind of finding, and what it is."""
    items = list(items)
    yield from _marks([part for item in items for part in item.parts])
    groups = {"the bank": (items, LOPSIDED)}
    groups |= {name: ([i for i in items if i.domain == name], LOPSIDED_DOMAIN) for name in DOMAINS}
    for name, (own, factor) in groups.items():
        parts = [part for item in own for part in item.parts]
        for options in sorted({len(part.options) for part in parts}):
            shares, count = length_ranks(parts, options)
            for rank, share in enumerate(shares, start=1):
                if count >= LEAST_PARTS and share > factor / options:
                    yield (
                        "lengths",
                        f"in {name} the option that is number {rank} of {options} by length "
                        f"is right in {share:.0%} of {count} questions",
                    )


def _marks(parts: list[Part]) -> Iterator[tuple[str, str]]:
    for mark in MARKS:
        alone = [
            option.correct
            for part in parts
            if len(part.right) == 1 and sum(mark in each.text for each in part.options) == 1
            for option in part.options
            if mark in option.text
        ]
        if len(alone) >= LEAST_MARKED and sum(alone) > LOPSIDED_MARK * len(alone):
            yield "marks", f"the only option with {mark!r} is right in {sum(alone)} of {len(alone)} questions"


def _reasons(item: Item) -> Iterator[str]:
    for part in item.parts:
        yield from (option.why for option in part.options)
    yield from (pair.why for pair in item.pairs)
    yield from (step.why for step in item.steps)
