"""Two forms of equal difficulty for one learner, made of twins.

For every domain the bank holds items of the same kind and the same difficulty.  Two of them
are twins: one goes into the form before, one into the form after, by a coin of the learner's
seed.  So both forms have the same domains, kinds and difficulties, item by item; and where a
judgement of difficulty was off, half of a class meets the harder twin first and half last, so
that it cancels in the gain of the class.

Two of the three items of a domain ask for one option.  The third asks for more: for several
options, for pairs or for an order, each of which a form has about as often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.core import derive
from labkit.core.errors import InvalidInputError
from labkit.course.lab import DOMAINS
from labkit.course.quiz.item import Item

__all__ = ["FORMS", "PLACES", "Forms", "draw_forms", "fit_for_forms"]

FORMS = ("pre", "post")

PLACES = ((1, ("single",)), (2, ("single",)), (2, ("multiple", "matching", "ordering")))
"""Difficulty and possible kinds of the three items that a form holds for each domain."""


@dataclass(frozen=True, slots=True)
class Forms:
    """Ids of the items of both forms; those at the same place are twins."""

    pre: tuple[str, ...]
    post: tuple[str, ...]

    def of(self, form: str) -> tuple[str, ...]:
        """Return the ids of the ``"pre"`` or the ``"post"`` form."""
        if form not in FORMS:
            raise InvalidInputError(f"expected a form: {' or '.join(FORMS)}; got {form!r}")
        return self.pre if form == "pre" else self.post


def fit_for_forms(item: Item) -> bool:
    """Return whether an item may stand in a form.

    A case takes too long, and general knowledge or a disputed fact is nothing to be tested on.
    """
    return item.kind != "case" and item.confidence in ("primary", "secondary")


def draw_forms(items: Iterable[Item], seed: int) -> Forms:
    """Return the forms of the learner with this seed: three twins from each domain.

    Where a place may have several kinds, it gets the one that the form has least of.

    Raises
    ------
    InvalidInputError
        When a domain has too few items of the same kind and difficulty.
    """
    pool = [item for item in items if fit_for_forms(item)]
    twins: list[tuple[str, str]] = []
    used: Counter[str] = Counter()
    for domain in DOMAINS:
        for difficulty, kinds in PLACES:
            fitting = [item for item in pool if (item.domain, item.difficulty) == (domain, difficulty)]
            found = {kind: _twins([i for i in fitting if i.kind == kind], seed) for kind in kinds}
            if not any(found.values()):
                raise InvalidInputError(
                    f"expected twins of difficulty {difficulty} in {domain} that are {' or '.join(kinds)}, "
                    "found none: add items of the same kind and difficulty"
                )
            kind = min(
                (kind for kind in kinds if found[kind]),
                key=lambda kind: (used[kind], derive(seed, "quiz-kind", domain, kind)),
            )
            used[kind] += 1
            twins.append(found[kind][0])
    twins.sort(key=lambda pair: derive(seed, "quiz-place", *pair))
    swapped = [pair[::-1] if derive(seed, "quiz-coin", *pair) % 2 else pair for pair in twins]
    return Forms(tuple(first for first, _ in swapped), tuple(second for _, second in swapped))


def _twins(items: list[Item], seed: int) -> list[tuple[str, str]]:
    """Return disjoint pairs, in an order of the seed."""
    ids = sorted((item.id for item in items), key=lambda id: derive(seed, "quiz-draw", id))
    return list(zip(ids[::2], ids[1::2], strict=False))
