"""What a participant found, held against what was planted: hits, misses, false alarms, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.governance.threatmodel.architecture import Architecture
from labkit.governance.threatmodel.catalogue import Flaw
from labkit.governance.threatmodel.stride import CATEGORIES, applicable

__all__ = ["Findings", "compare", "why_missed"]

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
    name = CATEGORIES[what].name.lower()
    if what not in {category.letter for category in applicable(architecture.model.find(where))}:
        return f"{name} is no threat to a part of this kind: it breaks {CATEGORIES[what].breaks}"
    note = architecture.note(where, what)
    if note is not None:  # and not planted, or it would be no false alarm
        return f"the notes say that this was seen to: “{note.sentence}”"
    there = [flaw for flaw in architecture.planted if flaw.at == where]
    if there:
        kinds = " and ".join(CATEGORIES[flaw.category].name.lower() for flaw in there)
        return f"the place is right; what this note breaks first is what counts here, and that is {kinds}"
    return f"nothing in the notes points to {name} here; a threat needs a fact it rests on"


def why_missed(architecture: Architecture, flaw: Flaw, *, quote: bool = False, whole: bool = False) -> str:
    """Return why a planted flaw should have been found, in as much detail as is asked for.

    Parameters
    ----------
    architecture : Architecture
    flaw : Flaw
        One of those that are planted.
    quote : bool
        Whether the note that gives it away is quoted.
    whole : bool
        Whether it is also said what it is, and why it matters.
    """
    category = CATEGORIES[flaw.category]
    note = architecture.note(flaw.at, flaw.category)
    said = f"a note on this part answers one question badly: {category.question}"
    if note is not None and (quote or whole):
        said = f"“{note.sentence}” Now ask: {category.question}"
    if whole:
        why = flaw.why.format(**architecture.family.words)
        said = f"{said} That is {category.name.lower()}. {flaw.title}: {why}"
    return said
