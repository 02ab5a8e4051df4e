"""How far the themes of the crosswalk are covered by what is in place: data of a heat map.

The controls of a statement are those of ISO/IEC 42001.  What they do for the entries of another
list is read through the crosswalk, which says "helps with" and never "equals".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from labkit.governance.controls.crosswalk import LISTS, Theme, themes, themes_of

__all__ = ["HEAT", "LEVELS", "Cell", "Gap", "gaps", "heat_map"]

LEVELS: Mapping[str, str] = {
    "covered": "all of its controls in the statement are in place",
    "partly": "some of them are in place or planned",
    "open": "none of them is in place or planned",
    "outside": "none of its controls is in the statement",
}
"""Levels of a gap, the best first; a picture of them needs a sign and a word beside the colour."""


HEAT: Mapping[str, str] = {
    "all": "all entries",
    "half": "half of them or more",
    "some": "fewer than half",
    "nothing": "none of them",
    "empty": "the list has no entry for this theme",
}
"""Steps of the heat of a cell, the best first; a picture of them needs a pattern and a word as well."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One theme.

    Attributes
    ----------
    theme, title : str
    done, planned, total : int
        Controls of ISO/IEC 42001 that the statement holds for this theme.
    level : str
        Key of ``LEVELS``.
    elsewhere : mapping of str to tuple of str
        For each other list, the ids that the same theme stands for there.
    """

    theme: str
    title: str
    done: int
    planned: int
    total: int
    level: str
    elsewhere: Mapping[str, tuple[str, ...]]


def gaps(scope: Collection[str], in_place: Collection[str], planned: Collection[str] = ()) -> tuple[Gap, ...]:
    """Return the state of every theme.

    Parameters
    ----------
    scope : collection of str
        Controls of ISO/IEC 42001 that apply.
    in_place, planned : collection of str
        Those of them that are done, and those that are to come.
    """
    found = []
    for theme in themes():
        wanted = set(theme.references["iso_42001"]) & set(scope)
        done, coming = len(wanted & set(in_place)), len(wanted & set(planned) - set(in_place))
        if not wanted:
            level = "outside"
        elif done == len(wanted):
            level = "covered"
        else:
            level = "partly" if done or coming else "open"
        others = {name: theme.references[name] for name in LISTS if name != "iso_42001"}
        found.append(Gap(theme.id, theme.title, done, coming, len(wanted), level, others))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Cell:
    """What chosen controls do for the entries of one list under one theme.

    Attributes
    ----------
    theme, source : str
        Id of the theme, and key of ``LISTS``.
    helped, left : tuple of str
        Entries of the list that the chosen controls help with, and those that they do not.
    """

    theme: str
    source: str
    helped: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many entries the list has for the theme."""
        return len(self.helped) + len(self.left)

    @property
    def share(self) -> float:
        """Share of the entries that are helped; 0 where there is none."""
        return len(self.helped) / self.total if self.total else 0.0

    @property
    def step(self) -> str:
        """How warm the cell is: a key of ``HEAT``."""
        if not self.total:
            return "empty"
        if not self.left:
            return "all"
        return "nothing" if not self.helped else "half" if self.share >= 0.5 else "some"


def heat_map(chosen: Collection[str]) -> Mapping[tuple[str, str], Cell]:
    """Return a cell for every theme and every list, by their ids.

    An entry of ISO/IEC 42001 is helped when it is itself among the chosen controls.  An entry of
    another list is helped when each theme that it stands for there has a chosen control.

    Parameters
    ----------
    chosen : collection of str
        Controls of ISO/IEC 42001 that are taken as done.
    """
    picked = set(chosen)
    begun = {theme.id for theme in themes() if picked & set(theme.references["iso_42001"])}
    return {(theme.id, source): _cell(theme, source, picked, begun) for theme in themes() for source in LISTS}


def _cell(theme: Theme, source: str, picked: set[str], begun: set[str]) -> Cell:
    helped: list[str] = []
    left: list[str] = []
    for entry in dict.fromkeys(theme.references[source]):
        if source == "iso_42001":
            good = entry in picked
        else:
            good = {each.id for each in themes_of(source, entry)} <= begun
        (helped if good else left).append(entry)
    return Cell(theme.id, source, tuple(helped), tuple(left))
