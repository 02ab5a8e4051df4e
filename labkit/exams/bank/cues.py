"""What shows on the surface of an option, and whether going by it alone does better than chance.

Each cue is a number that needs no knowledge: commas, small words, length.  Over a bank no cue should
mark the right options, nor the wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import comb
from types import MappingProxyType

from labkit.course.quiz import Item, Part
from labkit.exams.bank.wording import SWEEPING

__all__ = ["CUES", "LEAST", "RARE", "cue_findings", "single_questions", "tail"]

RARE = 0.001
"""Something is right too often when chance does this less often than so."""

LEAST = 12
"""Fewer options or questions than this say nothing about a habit."""

_WORD = re.compile(r"[a-z0-9']+")
_COMMON = frozenset(
    _WORD.findall(
        "the a an of to in is it and that for on by with as be are or at from this which what who how its "
        "they them was were has have had not"
    )
)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _count(pattern: str) -> Callable[[str, str], float]:
    found = re.compile(pattern, re.IGNORECASE)
    return lambda _question, text: float(len(found.findall(text)))


def _says(*words: str) -> Callable[[str, str], float]:
    found = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE)
    return lambda _question, text: float(found.search(text) is not None)


def _echoes(question: str, text: str) -> float:
    said = set(_words(text)) - _COMMON
    return len(said & set(_words(question))) / max(1, len(said))


CUES: Mapping[str, Callable[[str, str], float]] = MappingProxyType(
    {
        "'and'": _says("and"),
        "'or'": _says("or"),
        "'because' or 'since'": _says("because", "since"),
        "'so'": _says("so"),
        "'a'": _count(r"\ban?\b"),
        "'the'": _count(r"\bthe\b"),
        "'its', 'own' or 'their'": _count(r"\b(its|own|their)\b"),
        "'is', 'has' or 'should'": _count(r"\b(is|are|be|should|has|have)\b"),
        "hedging words": _count(
            r"\b(may|might|can|could|mostly|often|usually|some|likely|least|if|unless|until|where|when)\b"
        ),
        "sweeping words": _count(SWEEPING.pattern),
        "negations": _count(r"\b(not|no|nothing|nobody|none|without|cannot)\b"),
        "commas": _count(","),
        "colons and brackets": _count("[:;(]"),
        "figures": _says(r"\w*\d\w*"),
        "words of the question": _echoes,
        "words": lambda _question, text: float(len(_words(text))),
        "characters": lambda _question, text: float(len(text)),
        "letters a word": lambda _question, text: len(text) / max(1, len(text.split())),
    }
)
"""Each cue by its name, as a function of the question and of the text of an option."""


def single_questions(item: Item) -> Iterator[tuple[str, Part]]:
    """Yield the questions with one right answer, each with all that is read before its options."""
    for part in item.parts:
        if len(part.right) == 1:
            yield " ".join(dict.fromkeys((item.question, part.question))), part


def cue_findings(items: Iterable[Item]) -> Iterator[str]:
    """Yield the cues of which the most, or the least, is right more often than chance allows.

    Counted are the questions with one right answer in which a cue tells options apart.  Whoever goes
    by it guesses among the options that share it.
    """
    asked = [each for item in items for each in single_questions(item)]
    for name, cue in CUES.items():
        looks = [([cue(question, option.text) for option in part.options], part) for question, part in asked]
        telling = [(look, part.right[0]) for look, part in looks if len(set(look)) > 1]
        if len(telling) < LEAST:
            continue
        chance = sum(1 / len(look) for look, _ in telling) / len(telling)
        for way, end in (("most", max), ("fewest", min)):
            won = int(sum((look[right] == end(look)) / look.count(end(look)) for look, right in telling))
            if tail(len(telling), won, chance) < RARE:
                yield f"the option with the {way} {name} is right in {won} of {len(telling)} questions"


def tail(count: int, least: int, chance: float) -> float:
    """Return how likely chance is right in ``least`` or more of ``count`` questions (binomial)."""
    return sum(comb(count, k) * chance**k * (1 - chance) ** (count - k) for k in range(least, count + 1))
