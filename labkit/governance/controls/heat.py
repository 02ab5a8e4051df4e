"""How far the themes of the crosswalk are covered by what is in place: data of a heat map."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from labkit.governance.controls.crosswalk import LISTS, themes

__all__ = ["LEVELS", "Gap", "gaps"]

LEVELS: Mapping[str, str] = {
    "covered": "all of its controls are in place",
    "partly": "some of its controls are in place or planned",
    "open": "none of its controls is in place or planned",
    "outside": "none of its controls is in the statement",
}
"""Levels of a gap, the best first; a picture of them needs a sign and a word beside the colour."""


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
