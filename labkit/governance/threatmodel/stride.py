"""STRIDE per element: which kinds of threat a part of a system can have.

The six categories are those of Kohnfelder & Garg, "The threats to our products", 1999; which
of them fits which part of a data-flow diagram follows Shostack, "Threat Modeling: Designing
for Security", 2014, chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.core.errors import UnknownNameError
from labkit.governance.threatmodel.model import Element, Flow, SystemModel

__all__ = ["CATEGORIES", "Category", "applicable", "every_pair"]


@dataclass(frozen=True, slots=True)
class Category:
    """One letter of STRIDE: its name, what it breaks, and the question to ask."""

    letter: str
    name: str
    breaks: str
    question: str


CATEGORIES = {
    each.letter: each
    for each in (
        Category("S", "Spoofing", "authenticity", "Can somebody or something pass as another?"),
        Category("T", "Tampering", "integrity", "Can it be changed by somebody who must not?"),
        Category("R", "Repudiation", "accountability", "Can somebody deny what they did?"),
        Category("I", "Information disclosure", "confidentiality", "Can somebody read what they must not?"),
        Category("D", "Denial of service", "availability", "Can somebody keep others from using it?"),
        Category("E", "Elevation of privilege", "authorisation", "Can somebody do more than they may?"),
    )
}

_FITS = {"external": "SR", "process": "STRIDE", "store": "TRID", "flow": "TIDSE"}
# A flow can be spoofed at its source (a model that is not the one it is called) and can carry
# rights with it (a loaded file that runs): in AI systems these are too common to leave out.


def applicable(part: Element | Flow) -> tuple[Category, ...]:
    """Return the categories that a part can have, in the order of the word."""
    kind = "flow" if isinstance(part, Flow) else part.kind
    if kind not in _FITS:
        raise UnknownNameError("kind of element", kind, _FITS)
    return tuple(category for letter, category in CATEGORIES.items() if letter in _FITS[kind])


def every_pair(model: SystemModel) -> list[tuple[str, str]]:
    """Return each part with each category that it can have: what a tick in every box would be."""
    parts: tuple[Element | Flow, ...] = (*model.elements, *model.flows)
    return [(part.id, each.letter) for part in parts for each in applicable(part)]
