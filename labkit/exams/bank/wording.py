"""What the words of one item give away, or ask for in a way that tests reading and not knowledge.

The rules are those that handbooks of item writing agree on (Haladyna, Downing and Rodriguez,
"A Review of Multiple-Choice Item-Writing Guidelines for Classroom Assessment", 2002,
https://doi.org/10.1207/S15324818AME1503_5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import combinations

from labkit.course.lab import Option
from labkit.course.quiz import Part
from labkit.exams.bank.item import BankItem

__all__ = ["SWEEPING", "item_findings"]

ABSOLUTE = re.compile(
    r"\b(always|never|impossible|guarantee(s|d)?|completely|entirely|totally|certainly|absolutely"
    r"|in all cases|in every case|without exception|under no circumstances)\b",
    re.IGNORECASE,
)
"""Words that leave no room.  Who knows nothing strikes such options out, and is mostly right."""

SWEEPING = re.compile(
    ABSOLUTE.pattern
    + r"|\b(all|any|every|everything|everybody|everyone|no|none|nobody|nothing|only|must|cannot)\b",
    re.IGNORECASE,
)
"""Words that may stand in any sentence, and over a bank should not mark the wrong options."""

_COLLECTING = re.compile(
    r"\b(all|none|both|any|neither) of (the )?(above|these|them|those)\b|^[a-e] and [a-e]$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"d[1-7]-\d{3}")
_NEGATIVE = re.compile(
    r"\b(not|except|never|false|incorrect|untrue|least (likely|suitable))\b|n't\b", re.IGNORECASE
)
_ARTICLE = re.compile(r"\b(a|an)\s*(\.\.\.|…|:)?\s*$", re.IGNORECASE)
# A number with a leading zero is part of a date.
_RANGE = re.compile(r"(?<!\d)([1-9]\d*(?:\.\d+)?)\s*(?:-|–|to)\s*([1-9]\d*(?:\.\d+)?)")
_WORD = re.compile(r"[a-z][a-z-]{4,}")

LONGER = 1.3
"""The right option may be this many times as long as the longest wrong one."""

NEAR = 0.9
"""Two options that are as alike as this say the same, or differ in one word that is easily missed."""

ECHOED = 2
"""So many words of the question in the right option alone lead to it by their sound."""

MOST_RIGHT = 2 / 3
"""Where more of the options are right than this, whoever ticks them all does well."""

LONGEST = {"question": 75, "option": 26, "lines": 30}
"""Most words of a question and of an option, and most lines of an exhibit."""


def item_findings(item: BankItem) -> Iterator[tuple[str, str]]:
    """Yield what is to be looked at in one wording of an item: the kind of finding, and what it is."""
    if not _NUMBERED.fullmatch(item.id):
        yield "hint", f"candidates see the id {item.id!r}: number it, and put the words into its topic"
    stems = [part.question for part in item.parts if item.kind == "scenario"] or [item.question]
    for stem in stems:
        if _NEGATIVE.search(_asked(stem)):
            yield "negative", "the question asks for what is not so: ask for what is"
        if item.parts and _ARTICLE.search(stem):
            yield "grammar", "the question ends with an article that fits some of the options only"
    for part in item.parts:
        yield from _part_findings(part)
    yield from _alike([pair.right for pair in item.pairs])
    yield from _alike([step.text for step in item.steps])
    yield from _rationales(item)
    yield from _lengths(item, stems)
    yield from _grounds(item)


def _part_findings(part: Part) -> Iterator[tuple[str, str]]:
    right = [option for option in part.options if option.correct]
    wrong = [option for option in part.options if not option.correct]
    if len(right) == 1 and len(right[0].text) > LONGER * max(len(option.text) for option in wrong):
        yield "longest", "the right option is by far the longest"
    if len(right) > MOST_RIGHT * len(part.options):
        yield "many-right", f"{len(right)} of {len(part.options)} options are right"
    for option in part.options:
        if _COLLECTING.search(option.text):
            yield "collecting", f"{option.text!r} gathers other options: say what it means"
    if any(_is_absolute(option) for option in wrong) and not any(_is_absolute(option) for option in right):
        said = sorted({found[0] for option in wrong if (found := ABSOLUTE.search(option.text))})
        yield "absolute", f"only wrong options have words that leave no room: {', '.join(said)}"
    yield from _alike([option.text for option in part.options])
    yield from _clues(part, right, wrong)


def _clues(part: Part, right: list[Option], wrong: list[Option]) -> Iterator[tuple[str, str]]:
    cased = {option.text[0].islower() for option in part.options}
    if len(cased) > 1 and len({option.text[0].islower() for option in right}) == 1:
        yield "grammar", "some options begin with a small letter and some with a capital"
    asked = _stems(part.question)
    elsewhere = set().union(*(_stems(option.text) for option in wrong))
    for option in right:
        echoed = (asked & _stems(option.text)) - elsewhere
        if len(echoed) >= ECHOED:
            yield "echo", f"only a right option repeats {', '.join(sorted(echoed))} of the question"


def _alike(texts: list[str]) -> Iterator[tuple[str, str]]:
    for one, other in combinations(texts, 2):
        first, second = one.casefold().rstrip("."), other.casefold().rstrip(".")
        if _numbers_aside(first) == _numbers_aside(second) and first != second:
            if _ranges_meet(first, second):
                yield "overlap", f"{one!r} and {other!r} overlap"
        elif f" {first} " in f" {second} " or f" {second} " in f" {first} ":
            yield "overlap", f"{one!r} and {other!r}: one holds the other"
        elif SequenceMatcher(None, first, second, autojunk=False).ratio() >= NEAR:
            yield "overlap", f"{one!r} and {other!r} are nearly the same"


def _rationales(item: BankItem) -> Iterator[tuple[str, str]]:
    whys = [option.why for part in item.parts for option in part.options]
    whys += [pair.why for pair in item.pairs] + [step.why for step in item.steps]
    if item.number:
        whys += [item.number.why, *(mistake.why for mistake in item.number.mistakes)]
        for why in whys:
            if len(why) < 30:
                yield "reason", f"{why!r} is shorter than 30 characters: say why"
    for why in {why for why in whys if whys.count(why) > 1}:
        yield "reason", f"{why!r} is given twice: each has a reason of its own"


def _lengths(item: BankItem, stems: list[str]) -> Iterator[tuple[str, str]]:
    for stem in {item.question, *stems}:
        if len(stem.split()) > LONGEST["question"]:
            yield "long", f"the question has {len(stem.split())} words: put facts into an exhibit"
    for option in (option for part in item.parts for option in part.options):
        if len(option.text.split()) > LONGEST["option"]:
            yield "long", f"{option.text!r} has {len(option.text.split())} words"
    if item.exhibit:
        lines = len(item.exhibit.rows) or len(item.exhibit.text.splitlines())
        if lines > LONGEST["lines"]:
            yield "long", f"the exhibit has {lines} lines"


def _grounds(item: BankItem) -> Iterator[tuple[str, str]]:
    if item.confidence in ("background", "disputed"):
        yield "ungrounded", f"it rests on a fact that is {item.confidence}: an exam needs firmer ones"
    for option in (option for part in item.parts for option in part.options):
        if option.correct and _is_absolute(option) and item.confidence != "primary":
            yield "ungrounded", f"{option.text!r} leaves no room, and its source is {item.confidence}"


def _asked(stem: str) -> str:
    """Return the sentence that asks, without what is said before it."""
    return re.split(r"(?<=[.!?:;])\s+", stem.strip())[-1]


def _is_absolute(option: Option) -> bool:
    return ABSOLUTE.search(option.text) is not None


def _stems(text: str) -> set[str]:
    """Return the longer words without their endings, so that "models" and "model" are one."""
    words = _WORD.findall(text.lower())
    return {re.sub(r"(ing|ed|es|s)$", "", word) for word in words} - _COMMON


_COMMON = frozenset({"about", "after", "because", "before", "could", "first", "model", "other", "should"})
_COMMON |= {"system", "their", "there", "these", "thing", "those", "under", "what", "where", "which", "while"}


def _numbers_aside(text: str) -> str:
    return re.sub(r"\d+(?:[.,]\d+)*", "#", text)


def _ranges_meet(first: str, second: str) -> bool:
    found = [_RANGE.search(first), _RANGE.search(second)]
    ranges = [(float(each[1]), float(each[2])) for each in found if each]
    if len(ranges) < 2 or any(low >= high for low, high in ranges):
        return False
    return ranges[0][0] < ranges[1][1] and ranges[1][0] < ranges[0][1]
