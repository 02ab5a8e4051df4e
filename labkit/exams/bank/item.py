"""An item of the exam, as it is declared: an item of the quiz, and what an exam asks of it besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.course.quiz import Item

__all__ = [
    "EXHIBITS",
    "GROUPS",
    "KINDS",
    "LEVELS",
    "STATUS",
    "BankItem",
    "Exhibit",
    "Mistake",
    "Number",
    "Paper",
    "Variant",
]

GROUPS = {
    "single": "choice",
    "multiple": "choice",
    "numeric": "choice",
    "matching": "pairs_and_orders",
    "ordering": "pairs_and_orders",
    "scenario": "scenario",
}
"""Every kind, and the group under which a blueprint counts it."""

KINDS = tuple(GROUPS)

LEVELS = ("recall", "apply", "analyse")
"""What an item asks of the mind, the least first."""

STATUS = ("draft", "reviewed", "retired")
"""Only a reviewed item is drawn."""

EXHIBITS = ("text", "code", "table")


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What is shown with a question.

    Attributes
    ----------
    kind : str
        One of :data:`EXHIBITS`; a log is ``"code"``, shown line by line in one width.
    title : str
    text : str
        Of a text or of code, else empty.
    columns : tuple of str
        Of a table, else empty.
    rows : tuple of tuple of str
        Cells as they are shown, as many in each row as there are columns.
    """

    kind: str
    title: str
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A published work that an item about a technique rests on."""

    title: str
    link: str
    year: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong number that a known slip leads to, and which slip that is."""

    value: float
    why: str


@dataclass(frozen=True, slots=True)
class Number:
    """The right answer of a numeric item.

    Attributes
    ----------
    value, tolerance : float
        An answer is right when it is no further from ``value`` than ``tolerance``.
    unit : str
        As it is said beside the field; empty for a plain number.
    why : str
        How one comes to it.
    mistakes : tuple of Mistake
    """

    value: float
    tolerance: float
    unit: str
    why: str
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """Words for the ``{placeholders}`` of an item, and what is right with them.

    Attributes
    ----------
    id : str
    words : Mapping of str to str
    value : float or None
        Right value of a numeric item.
    mistakes : tuple of float
        Value of each mistake of the item, in their order.
    """

    id: str
    words: Mapping[str, str]
    value: float | None = None
    mistakes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BankItem(Item):
    """One item of the exam.

    ``kind`` is one of :data:`KINDS`, ``domain`` one of the exam's, and a numeric item has
    ``number``.  Everything else that an item of the quiz has means the same here.

    Attributes
    ----------
    topic : str
        What it is about, in a few words for those who keep the bank.  A candidate sees the id and
        never the topic: "upper bound" would be the answer.
    revision : int
        From 1; raised whenever the words or the key change.
    author_role : str
        What whoever wrote it does, for example "privacy engineer".
    level : str
        One of :data:`LEVELS`.
    status : str
        One of :data:`STATUS`.
    anchor : bool
        Whether it stands in every form, so that forms can be compared.
    papers : tuple of Paper
        What an item about a technique rests on.
    exhibit : Exhibit or None
    number : Number or None
        Of a numeric item; with variants its values are those of the first.
    variants : tuple of Variant
        Empty for an item that has one wording.
    """

    topic: str = ""
    revision: int
    author_role: str
    level: str
    status: str
    anchor: bool = False
    papers: tuple[Paper, ...] = ()
    exhibit: Exhibit | None = None
    number: Number | None = None
    variants: tuple[Variant, ...] = ()

    @property
    def group(self) -> str:
        """Group under which a blueprint counts the item."""
        return GROUPS[self.kind]

    @property
    def variant_ids(self) -> tuple[str, ...]:
        """Ids of the wordings; one that is empty where the item has no variants."""
        return tuple(variant.id for variant in self.variants) or ("",)

    @property
    def as_of(self) -> str:
        """Day of the oldest fact; of an item that rests on papers alone, the last day of their year."""
        days = [source.as_of for source in self.sources]
        return min(days or [f"{paper.year}-12-31" for paper in self.papers])

    @property
    def confidence(self) -> str:
        """Confidence of the weakest fact; a paper is read at its source."""
        # `super()` without arguments does not work in a class that slots have made anew.
        return Item.confidence.fget(self) if self.sources else "primary"  # type: ignore[attr-defined]
