"""What a participant found, held against what was planted: hits, misses, false alarms, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.governance.threatmodel.architecture import Architecture
from labkit.governance.threatmodel.catalogue import Flaw
from labkit.governance.threatmodel.model import SystemModel, Threat
from labkit.governance.threatmodel.risk import level
from labkit.governance.threatmodel.stride import CATEGORIES, applicable

__all__ = ["Findings", "Gap", "compare", "gaps", "high_risks", "register_score"]

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Findings:
    """Hits, misses and false alarms; ``near`` are false alarms at the right place.

    Attributes
    ----------
    hits, missed : tuple of Flaw
    false : mapping of (where, category) to why it is none
    near : frozenset of (where, category)
    """

    hits: tuple[Flaw, ...]
    missed: tuple[Flaw, ...]
    false: Mapping[Key, str]
    near: frozenset[Key]

    @property
    def recall(self) -> float:
        """Share of what was planted that was found."""
        return len(self.hits) / max(1, len(self.hits) + len(self.missed))

    @property
    def precision(self) -> float:
        """Share of what was reported that is so; 0 when nothing was reported."""
        return len(self.hits) / max(1, len(self.hits) + len(self.false))


def compare(architecture: Architecture, reported: Iterable[Key]) -> Findings:
    """Hold reported threats against the planted ones.

    Parameters
    ----------
    architecture : Architecture
    reported : iterable of (id of an element or flow, letter of STRIDE)
        A threat that is reported twice counts once.

    Raises
    ------
    UnknownNameError
        When a threat is about something that the architecture does not have.
    """
    keys = list(dict.fromkeys((str(where), str(what)) for where, what in reported))
    truth = {(flaw.at, flaw.category): flaw for flaw in architecture.planted}
    for where, what in keys:
        architecture.model.find(where)
        if what not in CATEGORIES:
            raise InvalidInputError(f"expected a letter of STRIDE for {where!r}, got {what!r}")
    false = {key: _why_not(architecture, key) for key in keys if key not in truth}
    places = {where for where, _ in truth}
    return Findings(
        hits=tuple(flaw for key, flaw in truth.items() if key in keys),
        missed=tuple(flaw for key, flaw in truth.items() if key not in keys),
        false=false,
        near=frozenset(key for key in false if key[0] in places),
    )


def _why_not(architecture: Architecture, key: Key) -> str:
    where, what = key
    part = architecture.model.find(where)
    name = CATEGORIES[what].name.lower()
    if what not in {category.letter for category in applicable(part)}:
        return f"{name} is no threat to a part of this kind: it breaks {CATEGORIES[what].breaks}"
    there = [flaw for flaw in architecture.planted if flaw.at == where]
    if there:
        kinds = " and ".join(CATEGORIES[flaw.category].name.lower() for flaw in there)
        return f"the place is right and the kind is not: what is described here leads to {kinds}"
    if part.notes:
        return f"the notes say that this was seen to: “{part.notes[0]}”"
    return f"nothing in the notes points to {name} here; a threat needs a fact it rests on"


# ---------------------------------------------------------------- the risk register


def high_risks(architecture: Architecture) -> tuple[Flaw, ...]:
    """Return the planted flaws that are rated high or critical."""
    return tuple(
        flaw for flaw in architecture.planted if level(flaw.likelihood * flaw.impact) in ("high", "critical")
    )


def register_score(
    architecture: Architecture, rows: Sequence[Threat], owners: Collection[str]
) -> tuple[float, dict[str, int]]:
    """Return the share of high risks that are handled in a register, and what keeps the others from it.

    A high risk is handled when a row is about it, rates it high or critical, names one of
    ``owners``, and an ATLAS mitigation that fits.

    Returns
    -------
    float and dict of str to int
        The share, and counts of ``absent``, ``underrated``, ``ownerless`` and ``unfit``.
    """
    found = {row.key: row for row in rows}
    wanted = high_risks(architecture)
    problems = dict.fromkeys(("absent", "underrated", "ownerless", "unfit"), 0)
    handled = 0
    for flaw in wanted:
        row = found.get((flaw.at, flaw.category))
        problem = _problem(row, flaw, owners)
        if problem:
            problems[problem] += 1
        else:
            handled += 1
    return handled / max(1, len(wanted)), problems


def _problem(row: Threat | None, flaw: Flaw, owners: Collection[str]) -> str:
    if row is None:
        return "absent"
    if level(row.likelihood * row.impact) not in ("high", "critical"):
        return "underrated"
    if row.owner not in owners:
        return "ownerless"
    return "" if row.mitigation in flaw.mitigations else "unfit"


# ---------------------------------------------------------------- a system of one's own


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a threat model without planted truth still lacks."""

    where: str
    what: str


def gaps(model: SystemModel) -> list[Gap]:
    """Return what is missing in the threat model of a system of one's own.

    Without planted truth nobody can say what was overlooked; what can be said is where nobody
    looked, and what was found and left lying.
    """
    found: list[Gap] = []
    if not model.flows:
        found.append(Gap(model.name, "no flow: data that never move need no threat model; draw what moves"))
    if len(model.zones) < 2:
        found.append(
            Gap(model.name, "one zone only: everything inside one boundary means trusting everything")
        )
    looked = {threat.target for threat in model.threats}
    for flow in model.flows:
        if model.crosses(flow) and flow.id not in looked:
            found.append(Gap(model.title(flow.id), "crosses a trust boundary, and no threat is noted for it"))
    for element in model.elements:
        linked = any(element.id in (flow.source, flow.target) for flow in model.flows)
        if not linked:
            found.append(Gap(element.name, "is connected to nothing"))
        elif element.kind == "process" and element.id not in looked:
            found.append(Gap(element.name, "is a process, and no threat is noted for it"))
    for threat in model.threats:
        name = f"{CATEGORIES[threat.category].name} at {model.title(threat.target)}"
        if not threat.likelihood or not threat.impact:
            found.append(Gap(name, "is not rated"))
        elif level(threat.likelihood * threat.impact) in ("high", "critical"):
            if not threat.owner:
                found.append(Gap(name, "is high and has no owner"))
            if not threat.mitigation:
                found.append(Gap(name, "is high and has no mitigation"))
    return found
