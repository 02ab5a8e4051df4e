"""An item of the governance quiz, as it is declared: frozen facts, and nothing that runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from labkit.course.lab import Option
from labkit.governance import standards

__all__ = ["CONFIDENCE", "KINDS", "Item", "Pair", "Part", "Source", "Step"]

KINDS = ("single", "multiple", "matching", "ordering", "case")
"""What an item asks for: one option, several, pairs, an order, or a case of several questions."""

CONFIDENCE = ("primary", "secondary", "background", "disputed")
"""How far a fact is to be trusted, the firmest first."""


@dataclass(frozen=True, slots=True)
class Part:
    """A question with its options, of which one or several are right."""

    question: str
    options: tuple[Option, ...]

    @property
    def right(self) -> tuple[int, ...]:
        """Positions of the right options."""
        return tuple(i for i, option in enumerate(self.options) if option.correct)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two things that belong together, and why; ``left`` is empty for one that belongs to nothing."""

    left: str
    right: str
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an order, and why it stands where it does."""

    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Source:
    """The entry of a bundled list that an item rests on.

    ``confidence`` is the weakest that the entry or its list names: where a list says that its
    order is general knowledge or that its status is disputed, no entry of it is firmer.
    """

    id: str
    title: str
    edition: str
    as_of: str
    confidence: str

    @classmethod
    def of(cls, id: str) -> Source:
        """Return the source with this id.

        Raises
        ------
        UnknownNameError, InvalidInputError
            When no bundled list has the id, or several have.
        """
        entry = standards.lookup(id)
        confidence = _weakest((entry.confidence, *_said_of_list(entry.standard)))
        return cls(entry.qualified_id, entry.title, entry.edition, entry.as_of, confidence)

    @property
    def list(self) -> str:
        """Id of the list that the entry stands in."""
        return self.id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the bank.

    Attributes
    ----------
    id : str
    kind : str
        One of :data:`KINDS`.
    domain : str
        Key of :data:`labkit.course.DOMAINS`.
    difficulty : int
        1 (a fact that everybody should know) to 3 (facts that have to be weighed), by judgement.
    question : str
        What is asked; of a case, what happened.
    timely : bool
        Whether the answer may change; the question then says of which day its facts are.
    sources : tuple of Source
        What the item rests on, at least one.
    parts : tuple of Part
        One of a single or multiple item, two or more of a case, else none.
    pairs : tuple of Pair
        Of a matching item; those without a left side come last.
    steps : tuple of Step
        Of an ordering item, in the right order.
    """

    id: str
    kind: str
    domain: str
    difficulty: int
    question: str
    timely: bool
    sources: tuple[Source, ...]
    parts: tuple[Part, ...] = ()
    pairs: tuple[Pair, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def as_of(self) -> str:
        """Day of the oldest fact that the item rests on, ``YYYY-MM-DD``."""
        return min(source.as_of for source in self.sources)

    @property
    def confidence(self) -> str:
        """Confidence of the weakest fact that the item rests on."""
        return _weakest(source.confidence for source in self.sources)

    @property
    def list(self) -> str:
        """Id of the list that the item is about."""
        return self.sources[0].list

    @property
    def asked(self) -> Sequence[Pair]:
        """Pairs that have a left side."""
        return [pair for pair in self.pairs if pair.left]


def _weakest(found: Iterable[str]) -> str:
    return max(found, key=CONFIDENCE.index)


@lru_cache(maxsize=64)
def _said_of_list(id: str) -> tuple[str, ...]:
    """Return the words of :data:`CONFIDENCE` that a list says of itself; our own work says none."""
    said = next(each.confidence for each in standards.standards() if each.id == id)
    return tuple(word for word in CONFIDENCE if word in said)
