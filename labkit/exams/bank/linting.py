"""What an author should look at before an item is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from difflib import SequenceMatcher
from itertools import combinations

from labkit.course.quiz import Finding, Item
from labkit.course.quiz import bank as quiz_bank
from labkit.course.quiz.linting import dated_findings
from labkit.course.quiz.tells import bank_tells, item_tells
from labkit.exams.bank.collection import Bank
from labkit.exams.bank.cues import LEAST, RARE, cue_findings, tail
from labkit.exams.bank.filling import filled
from labkit.exams.bank.guessing import guess
from labkit.exams.bank.item import BankItem
from labkit.exams.bank.revisions import read_revisions, revision_findings
from labkit.exams.bank.views import declared_places
from labkit.exams.bank.wording import SWEEPING, item_findings
from labkit.governance.obligations import STALE_AFTER_DAYS

__all__ = ["DATED", "FINDINGS", "lint"]

FINDINGS = {
    "revision": "words or key changed within a revision, or a revision is not recorded",
    "old": "the facts were read too long ago",
    "changes": "a day that a source names has come",
    "hint": "the id says something in words",
    "telling": "the right option is far longer or shorter than the others",
    "longest": "the right option is by far the longest",
    "ending": "some options end with a full stop and some do not",
    "reason": "a reason gives none, or is given twice",
    "collecting": "an option gathers others, as in 'all of the above'",
    "absolute": "only wrong options leave no room",
    "overlap": "two options overlap or are nearly the same",
    "negative": "the question asks for what is not so",
    "grammar": "grammar points at an option",
    "echo": "only the right option repeats words of the question",
    "many-right": "too many options are right",
    "ungrounded": "a fact rests on too weak a source",
    "long": "there is too much to read",
    "anchors": "a domain has more than one anchor",
    "twins": "two items ask the same, or one asks what the quiz asks",
    "lengths": "over the bank, one rank by length is right too often",
    "marks": "over the bank, the only option with a mark is right too often",
    "positions": "over the bank, one position is right too often",
    "absolutes": "over the bank, options with sweeping words are mostly wrong",
    "cues": "over the bank, one cue on the surface is right too often",
    "counts": "over the bank, most questions with several right options have the same number of them",
    "guessing": "over the bank, all cues together are right too often",
}
"""Kinds of findings, and what each says."""

DATED = ("old", "changes")
"""Kinds of findings that come with the calendar, without anybody having changed an item."""

SAME = 0.85
"""Two questions that are as alike as this ask the same."""

SAME_COUNT = 0.6
"""Of the questions with several right options so many may have the same number of them."""


def lint(bank: Bank, today: date | None = None, days: int = STALE_AFTER_DAYS) -> list[Finding]:
    """Return what is to be looked at in the items that are not retired, each in all its wordings.

    Parameters
    ----------
    bank : Bank
    today : date, optional
        Day against which facts are old; the clock's by default.
    days : int
        Age from which a fact of a bundled list is old.  A paper does not age.

    Returns
    -------
    list of Finding
        ``kind`` is a key of :data:`FINDINGS`; ``item`` is empty for a finding about the whole bank.
    """
    items = [item for item in bank if item.status != "retired"]
    wordings = [filled(item, variant) for item in items for variant in item.variant_ids]
    dated = [item for item in items if item.sources]
    found = dated_findings(dated, today or date.today(), days)
    for item in wordings:
        tells = [*item_tells(item), *item_findings(item)]
        found += [Finding(item.id, kind, problem) for kind, problem in tells]
    if held := read_revisions(bank.folder):
        found += [Finding(id, "revision", problem) for id, problem in revision_findings(bank, held)]
    found += [Finding("", kind, problem) for kind, problem in _bank_findings(items)]
    found += _twins(items)
    return list(dict.fromkeys(found))


def _bank_findings(items: list[BankItem]) -> Iterator[tuple[str, str]]:
    yield from bank_tells(items)
    yield from _positions(items)
    yield from _absolutes(items)
    yield from _counts(items)
    for problem in cue_findings(items):
        yield "cues", problem
    guesses = guess(item for item in items if item.status == "reviewed")
    if guesses.right >= guesses.limit:
        yield "guessing", str(guesses)
    anchors = Counter(item.domain for item in items if item.anchor)
    for domain, count in sorted(anchors.items()):
        if count > 1:
            yield "anchors", f"{domain} has {count} anchors, and each stands in every form"


def _positions(items: Iterable[BankItem]) -> Iterator[tuple[str, str]]:
    """Yield positions, as candidates see them, that are right more often than chance allows."""
    right: dict[int, Counter[int]] = {}
    for item in items:
        for part, places in zip(item.parts, declared_places(item), strict=True) if item.parts else ():
            if len(part.right) == 1:
                right.setdefault(len(places), Counter())[places.index(part.right[0])] += 1
    for options, counts in sorted(right.items()):
        asked = counts.total()
        for position, count in sorted(counts.items()):
            if tail(asked, count, 1 / options) < RARE:
                said = f"position {position} of {options} is right in {count} of {asked} questions"
                yield "positions", said


def _absolutes(items: Iterable[BankItem]) -> Iterator[tuple[str, str]]:
    options = [option for item in items for part in item.parts for option in part.options]
    strong = [option.correct for option in options if SWEEPING.search(option.text)]
    usual = sum(option.correct for option in options) / max(len(options), 1)
    if len(strong) >= LEAST and sum(strong) / len(strong) < usual / 2:
        yield "absolutes", f"of {len(strong)} options with sweeping words {sum(strong)} are right"


def _counts(items: Iterable[BankItem]) -> Iterator[tuple[str, str]]:
    """Yield a number of right options that a candidate could expect without reading."""
    counts = Counter(len(part.right) for item in items for part in item.parts if len(part.right) > 1)
    for right, count in counts.items():
        if counts.total() >= LEAST and count > SAME_COUNT * counts.total():
            yield "counts", f"{count} of {counts.total()} questions have {right} right options"


def _twins(items: list[BankItem]) -> Iterator[Finding]:
    questions = [(item.id, _asked(item)) for item in items]
    for (one, first), (other, second) in combinations(questions, 2):
        if _alike(first, second):
            yield Finding(one, "twins", f"it asks the same as {other}")
    practised = [(id, _asked(item)) for id, item in quiz_bank().items()]
    for id, asked in questions:
        for known, other_asked in practised:
            if _alike(asked, other_asked):
                yield Finding(id, "twins", f"the quiz asks the same in {known}")


def _asked(item: Item) -> str:
    """Return what tells an item from others: questions, and the things to be matched or ordered."""
    said = [item.question, *(part.question for part in item.parts)]
    said += [pair.left for pair in item.pairs] + [step.text for step in item.steps]
    return " ".join(dict.fromkeys(said)).casefold()


def _alike(one: str, other: str) -> bool:
    # Shared words spare almost every pair the comparison letter by letter.
    first, second = frozenset(one.split()), frozenset(other.split())
    if 2 * len(first & second) < len(first | second):
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= SAME
