"""Controls of one list, and what helps with the same theme in the others.

A reference means "helps with this theme", not equivalence and not compliance: that one list
is met never proves that another is.  The mapping is editorial judgement; the ids in it are
those of the bundled tables.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from labkit.core.errors import UnknownNameError
from labkit.governance import standards

__all__ = ["LISTS", "Theme", "arguable", "find_theme", "related", "themes", "themes_of", "title_of"]

_FILE = Path(__file__).with_name("crosswalk.json")
_ARGUABLE = Path(__file__).with_name("arguable.toml")

LISTS: Mapping[str, tuple[str, str]] = {
    "nist_ai_rmf": ("nist-ai-rmf", "NIST AI RMF"),
    "iso_42001": ("iso-42001", "ISO/IEC 42001"),
    "iso_27001": ("iso-27001", "ISO/IEC 27001"),
    "eu_ai_act": ("eu-ai-act", "EU AI Act"),
    "gdpr": ("gdpr", "GDPR"),
    "hipaa": ("hipaa-security-rule", "HIPAA Security Rule"),
    "pci_dss_4_0_1": ("pci-dss", "PCI DSS 4.0.1"),
    "etsi_en_304_223": ("etsi-en-304-223", "ETSI EN 304 223"),
    "singapore": ("singapore-mgf", "Singapore frameworks"),
}
"""Columns of the crosswalk: id of the standard in the bundled tables, and its name."""


@dataclass(frozen=True, slots=True)
class Theme:
    """What controls of many lists are about.

    Attributes
    ----------
    id, title, summary : str
    references : mapping of str to tuple of str
        For each key of ``LISTS``, the ids that help; empty where none fits.
    confidence : str
        ``background``: the mapping is a judgement, not a published fact.
    """

    id: str
    title: str
    summary: str
    references: Mapping[str, tuple[str, ...]] = field(hash=False)
    confidence: str = "background"


@lru_cache(maxsize=1)
def themes() -> tuple[Theme, ...]:
    """Return every theme, in the order of the table."""
    raw = json.loads(_FILE.read_text(encoding="utf-8"))["themes"]
    return tuple(
        Theme(
            id=each["id"],
            title=each["title"],
            summary=each["summary"],
            references=MappingProxyType({name: tuple(each["references"].get(name, ())) for name in LISTS}),
            confidence=each["confidence"],
        )
        for each in raw
    )


def find_theme(id: str) -> Theme:
    """Return the theme with this id; raise ``UnknownNameError`` where there is none."""
    for theme in themes():
        if theme.id == id:
            return theme
    raise UnknownNameError("theme of the crosswalk", id, [theme.id for theme in themes()])


def themes_of(source: str, control: str) -> tuple[Theme, ...]:
    """Return the themes that a control of a list helps with.

    Parameters
    ----------
    source : str
        Key of ``LISTS``.
    control : str
        Id in that list, such as ``A.7.5``.
    """
    if source not in LISTS:
        raise UnknownNameError("list of the crosswalk", source, LISTS)
    return tuple(theme for theme in themes() if control in theme.references[source])


def related(source: str, control: str, target: str) -> tuple[str, ...]:
    """Return the ids of another list that help with a theme of this control, sorted."""
    if target not in LISTS:
        raise UnknownNameError("list of the crosswalk", target, LISTS)
    return tuple(sorted({id for theme in themes_of(source, control) for id in theme.references[target]}))


def arguable(source: str, control: str) -> frozenset[str]:
    """Return the controls of Annex A that one can argue for beside those that share a theme.

    Parameters
    ----------
    source : str
        Key of ``LISTS``.
    control : str
        Id in that list.  What shares a theme with it, :func:`related` says.
    """
    if source not in LISTS:
        raise UnknownNameError("list of the crosswalk", source, LISTS)
    return frozenset(_arguable().get(source, {}).get(control, ()))


@lru_cache(maxsize=1)
def _arguable() -> Mapping[str, Mapping[str, list[str]]]:
    raw = tomllib.loads(_ARGUABLE.read_text(encoding="utf-8"))
    return {source: raw[source] for source in LISTS if source in raw}


def title_of(source: str, control: str) -> str:
    """Return the title of a control, from the bundled tables."""
    return standards.lookup(f"{LISTS[source][0]}/{control}").title
