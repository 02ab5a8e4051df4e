"""Put the words of a variant into an item.

A placeholder is a name in braces.  Words are put in as they are, once: nothing is computed, and
a word that holds braces is not filled again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from labkit.core.errors import UnknownNameError
from labkit.course.lab import Option
from labkit.course.quiz import Pair, Part, Step
from labkit.exams.bank.item import BankItem, Exhibit, Mistake, Number, Variant

__all__ = ["filled", "placeholders", "texts_of"]

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def placeholders(text: str) -> set[str]:
    """Return the names in braces."""
    return set(_PLACEHOLDER.findall(text))


def filled(item: BankItem, variant: str) -> BankItem:
    """Return the item in one of its wordings; ``""`` for an item that has only one.

    Raises
    ------
    UnknownNameError
        When the item has no such variant.
    """
    if variant not in item.variant_ids:
        raise UnknownNameError(f"variant of {item.id}", variant, item.variant_ids)
    if not variant:
        return item
    chosen = next(each for each in item.variants if each.id == variant)

    def put(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: chosen.words[found[1]], text)

    return replace(_each_text(item, put), number=_number(item.number, chosen, put), variants=())


def texts_of(item: BankItem) -> Iterator[str]:
    """Yield every text that a variant can put words into."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    _each_text(item, keep)
    if item.number is not None:
        found += [item.number.why, item.number.unit, *(each.why for each in item.number.mistakes)]
    return iter(found)


def _each_text(item: BankItem, put: Callable[[str], str]) -> BankItem:
    return replace(
        item,
        question=put(item.question),
        exhibit=_exhibit(item.exhibit, put),
        parts=tuple(
            Part(put(part.question), tuple(Option(put(o.text), o.correct, put(o.why)) for o in part.options))
            for part in item.parts
        ),
        pairs=tuple(Pair(put(pair.left), put(pair.right), put(pair.why)) for pair in item.pairs),
        steps=tuple(Step(put(step.text), put(step.why)) for step in item.steps),
    )


def _exhibit(exhibit: Exhibit | None, put: Callable[[str], str]) -> Exhibit | None:
    if exhibit is None:
        return None
    rows = tuple(tuple(map(put, row)) for row in exhibit.rows)
    columns = tuple(map(put, exhibit.columns))
    return Exhibit(exhibit.kind, put(exhibit.title), put(exhibit.text), columns, rows)


def _number(number: Number | None, chosen: Variant, put: Callable[[str], str]) -> Number | None:
    if number is None or chosen.value is None:
        return None
    mistakes = tuple(
        Mistake(value, put(each.why)) for value, each in zip(chosen.mistakes, number.mistakes, strict=True)
    )
    return Number(chosen.value, number.tolerance, put(number.unit), put(number.why), mistakes)
