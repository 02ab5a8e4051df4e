"""Statement of applicability: a decision on every control, and evidence for what is applied.

The statement is read for orphans: a control without a decision, a decision without a reason,
a control without evidence or plan, and evidence that belongs to no control.  The controls
are those of ISO/IEC 42001 Annex A (ids and titles); what depends on which facts is ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.governance import standards
from labkit.governance.controls.evidence import Document

__all__ = ["Control", "Line", "Need", "Orphan", "annex_a", "need_of", "read_line", "reasons", "review"]

_FILE = Path(__file__).with_name("applicability.toml")
STATES = ("in place", "planned")


@dataclass(frozen=True, slots=True)
class Control:
    """A control of Annex A; ``group`` is the id of its objective, such as ``A.6``."""

    id: str
    title: str
    summary: str
    group: str


@dataclass(frozen=True, slots=True)
class Need:
    """Whether a control is needed for a system, the reason that would excuse it, and why."""

    needed: bool
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement.

    Attributes
    ----------
    applicable : bool
    reason : str
        Why it is not applicable: a key of :func:`reasons`; empty where it is.
    status : str
        ``in place`` or ``planned``; of no meaning where it is not applicable.
    evidence : tuple of str
        Ids of documents.
    due : str
        Day by which a plan is carried out, ``YYYY-MM-DD``.
    """

    applicable: bool
    reason: str = ""
    status: str = ""
    evidence: tuple[str, ...] = ()
    due: str = ""


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something in a statement that hangs in the air: its kind, what it is about, and why."""

    kind: str
    subject: str
    says: str


@lru_cache(maxsize=1)
def annex_a() -> tuple[Control, ...]:
    """Return the 38 controls of ISO/IEC 42001 Annex A, in order."""
    ids = {plain for name in standards.index() if (plain := name.removeprefix("iso-42001/")) != name}
    entries = [standards.lookup(f"iso-42001/{plain}") for plain in ids]
    found = [
        Control(each.id, each.title, each.summary, ".".join(each.id.split(".")[:2]))
        for each in entries
        if each.section == "annex_a_controls"
    ]
    return tuple(sorted(found, key=lambda control: [int(part) for part in control.id.split(".")[1:]]))


@lru_cache(maxsize=1)
def reasons() -> Mapping[str, str]:
    """Return the reasons that people give for leaving a control out; two of them are none."""
    return MappingProxyType({raw["id"]: raw["text"] for raw in _raw()["reason"]})


def need_of(control: str, facts: Collection[str]) -> Need:
    """Return whether a system with these facts needs a control of Annex A."""
    for raw in _raw()["need"]:
        if control in raw["controls"]:
            needed = bool(set(raw["any_of"]) & set(facts))
            return Need(needed, raw["reason"], raw["why"] if needed else reasons()[raw["reason"]])
    return Need(True, "", "Every AI system that an organisation answers for needs it.")


def review(
    statement: Mapping[str, Line],
    controls: Sequence[str],
    register: Sequence[Document],
    facts: Collection[str],
) -> tuple[Orphan, ...]:
    """Return everything in a statement that hangs in the air; a sound one gives nothing.

    Parameters
    ----------
    statement : mapping of str to Line
        Control to decision.
    controls : sequence of str
        The controls that have to be decided on.
    register : sequence of Document
        The evidence there is.
    facts : collection of str
        What holds for the system, see :func:`labkit.governance.obligations.facts`.
    """
    found: list[Orphan] = []
    known = {document.id: document for document in register}
    for control in controls:
        line = statement.get(control)
        if line is None:
            found.append(Orphan("undecided", control, "nobody decided whether it applies"))
        elif line.applicable:
            found += _applied(control, line, known, facts)
        else:
            found += _excluded(control, line, facts)
    attached = {name for line in statement.values() for name in line.evidence}
    for document in register:
        if document.id not in attached:
            found.append(Orphan("loose evidence", document.id, "no control refers to it"))
    for control in sorted(statement.keys() - set(controls)):
        found.append(Orphan("unknown control", control, "it is not in the list that was issued"))
    return tuple(found)


def read_line(raw: Line | Mapping[str, Any]) -> Line:
    """Return a line from what a participant handed in: a ``Line``, or a mapping with its fields.

    Raises
    ------
    InvalidInputError
        When a field is missing, unknown or of the wrong type.
    """
    if isinstance(raw, Line):
        return raw
    try:
        line = Line(**{**raw, "evidence": tuple(raw.get("evidence", ()))})
    except (TypeError, AttributeError, ValueError) as error:
        raise InvalidInputError(
            "expected a line as a mapping with applicable, and reason, status, evidence, due as needed; "
            f"got {raw!r}"
        ) from error
    if not isinstance(line.applicable, bool):
        raise InvalidInputError(f"expected applicable to be True or False, got {line.applicable!r}")
    if line.reason and line.reason not in reasons():
        raise UnknownNameError("reason for leaving a control out", line.reason, reasons())
    return line


def _applied(control: str, line: Line, known: Mapping[str, Document], facts: Collection[str]) -> list[Orphan]:
    need = need_of(control, facts)
    if not need.needed:
        return [Orphan("idle control", control, f"nothing here that it could apply to: {need.why}")]
    if line.status not in STATES:
        return [Orphan("no status", control, f"it applies; say whether it is {' or '.join(STATES)}")]
    if line.status == "planned":
        return [] if _is_day(line.due) else [Orphan("no date", control, "a plan without a day is a wish")]
    if not line.evidence:
        return [Orphan("no evidence", control, "it is said to be in place, and nothing shows it")]
    return [
        Orphan("wrong evidence", control, f"{name} does not show it")
        for name in line.evidence
        if name not in known or control not in known[name].controls
    ]


def _excluded(control: str, line: Line, facts: Collection[str]) -> list[Orphan]:
    need = need_of(control, facts)
    found = []
    if need.needed:
        found.append(Orphan("excluded though needed", control, need.why))
    elif line.reason != need.reason:
        given = reasons().get(line.reason, "no reason at all")
        found.append(Orphan("no valid reason", control, f"given: {given}"))
    if line.evidence:
        found.append(Orphan("evidence for nothing", control, "it is left out, and has evidence all the same"))
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


@lru_cache(maxsize=1)
def _raw() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
