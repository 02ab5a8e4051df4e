"""What a task declares, as frozen types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "KINDS",
    "PARTS",
    "Budget",
    "Critical",
    "ExamCriterion",
    "HandInField",
    "Justification",
    "JustificationOption",
    "Measured",
    "Overclaim",
    "Task",
    "Variant",
]

KINDS = ("tensor", "model", "number", "choice", "choices", "text", "table")
"""What a field of a hand-in can be."""

PARTS: Mapping[str, float] = {"outcome": 0.6, "process": 0.2, "justification": 0.2}
"""Parts of a task and their shares of its points."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A tensor may be this far from an issued one: ``norm`` of each row of the difference.

    ``epsilon`` is a number, or the name of an issued fact.
    """

    around: str
    norm: str
    epsilon: float | str


@dataclass(frozen=True, slots=True)
class HandInField:
    """One thing that is handed in, and its limits; only those of its ``kind`` apply.

    Attributes
    ----------
    name, kind, about : str
        ``kind`` is one of :data:`KINDS`; ``about`` is one sentence for the candidate.
    dtype : str
        Of a tensor (``"float32"``, ``"int64"``, ``"bool"``); ``"int64"`` asks for a whole number.
    shape : tuple of int or str
        Of a tensor.  A word is a size issued in ``facts["dims"]``; one that is not issued there
        is up to the candidate, at most ``most``.
    low, high : float or None
        Smallest and largest legal value of a number or of the values of a tensor.
    architecture : str
        Of a model: which entry of the issued facts (or of ``facts["models"]``) names its
        architecture, input shape and classes.
    options : tuple of str
        Of a choice or of choices.
    options_from : str
        Issued fact that lists the options instead.
    longest : int
        Characters of a text.
    most : int
        Rows of a table, options of ``choices``, size of a free axis of a tensor.
    columns : tuple of HandInField
        Of a table: numbers, choices and texts.
    budget : Budget or None
        Of a tensor.
    """

    name: str
    kind: str
    about: str
    dtype: str = ""
    shape: tuple[int | str, ...] = ()
    low: float | None = None
    high: float | None = None
    architecture: str = ""
    options: tuple[str, ...] = ()
    options_from: str = ""
    longest: int = 600
    most: int = 0
    columns: tuple[HandInField, ...] = ()
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class ExamCriterion:
    """Points that grow from ``zero_at`` to ``full_at`` on one metric.

    Each end is a number, or the name of the bot whose recorded run on the same variant sets it.
    """

    metric: str
    part: str
    points: float
    zero_at: float | str
    full_at: float | str


@dataclass(frozen=True, slots=True)
class JustificationOption:
    """One way to defend a choice, the credit it earns (0 to 1), and why."""

    text: str
    credit: float
    why: str


@dataclass(frozen=True, slots=True)
class Justification:
    """A question that is answered by choosing; handed in as ``why_<id>``, the number of the option.

    Options count from 1, in the order of ``task.toml``.
    """

    id: str
    question: str
    options: tuple[JustificationOption, ...]

    @property
    def field(self) -> str:
        """Name under which it is handed in."""
        return f"why_{self.id}"


@dataclass(frozen=True, slots=True)
class Overclaim:
    """The number ``claim`` must lie within ``tolerance`` of the measured ``metric``."""

    claim: str
    metric: str
    tolerance: float


@dataclass(frozen=True, slots=True)
class Critical:
    """An error that costs the task: ``metric`` is ``"above"`` or ``"below"`` ``limit``."""

    metric: str
    when: str
    limit: float
    say: str

    def holds(self, measured: float) -> bool:
        """Return whether ``measured`` is that error; NaN is not."""
        return measured > self.limit if self.when == "above" else measured < self.limit


@dataclass(frozen=True, slots=True)
class Task:
    """A hands-on task as its ``task.toml`` declares it.

    Attributes
    ----------
    id, title, domain : str
    points : float
    minutes : int
        What a candidate should need.
    fields : tuple of HandInField
        What is handed in, justifications included (as whole numbers ``why_<id>``).
    criteria : tuple of ExamCriterion
    justifications : tuple of Justification
    overclaim : Overclaim or None
    critical : tuple of Critical
    folder : Path
        Where ``task.py``, ``bots.py``, ``brief.md`` and ``cells.py`` lie.
    reproduce : bool
        Whether the answer cell is run again when it is graded: a gate that can flag, and never awards.
    """

    id: str
    title: str
    domain: str
    points: float
    minutes: int
    fields: tuple[HandInField, ...]
    criteria: tuple[ExamCriterion, ...]
    justifications: tuple[Justification, ...]
    overclaim: Overclaim | None
    critical: tuple[Critical, ...]
    folder: Path
    reproduce: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that ``measure`` has to return, each once; "justification" is not one of them."""
        asked = [each.metric for each in self.criteria if each.metric != "justification"]
        asked += [self.overclaim.metric] if self.overclaim else []
        asked += [each.metric for each in self.critical]
        return tuple(dict.fromkeys(asked))

    def brief(self) -> str:
        """Return what the candidate reads, as Markdown."""
        return (self.folder / "brief.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Variant:
    """One reviewed version of a task: everything that is issued follows from it.

    ``seed`` and ``params`` stay with the examiner; a candidate gets neither.
    """

    id: str
    seed: int
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reviewed_by: str = ""
    reviewed_on: str = ""

    @property
    def reviewed(self) -> bool:
        """Whether somebody has played it and signed for it; only those are drawn."""
        return bool(self.reviewed_by and self.reviewed_on)


@dataclass(frozen=True, slots=True)
class Measured:
    """What ``measure`` found: numbers that earn, and facts that explain."""

    metrics: Mapping[str, float] = field(hash=False)
    facts: Mapping[str, float | str] = field(default_factory=dict, hash=False)
