"""Ten controls of other lists, each with what might stand for it in ISO/IEC 42001."""

from __future__ import annotations

import random
from dataclasses import dataclass

from labkit.governance.controls import arguable, documents, related, themes, title_of

__all__ = ["Pairing", "draw_pairings"]

_PAIRINGS = 10
_OPTIONS = 4


@dataclass(frozen=True, slots=True)
class Pairing:
    """A control of one list, and what might stand for it in ISO/IEC 42001.

    Attributes
    ----------
    id : str
        ``list/control``, such as ``eu_ai_act/Art. 12``.
    source, control, title : str
        List and id of the control that is given, and its title.
    options : tuple of str
        Controls of Annex A, of which one shares a theme with it; none of the others can be argued for.
    evidence : tuple of str
        Ids of documents, of which one shows that control.
    answer, document : str
        The one of each.
    """

    id: str
    source: str
    control: str
    title: str
    options: tuple[str, ...]
    evidence: tuple[str, ...]
    answer: str
    document: str


def draw_pairings(draw: random.Random) -> tuple[Pairing, ...]:
    """Draw ten themes, and for each a control of another list with options that share nothing with it."""
    by_control = {control: each for each in documents() for control in each.controls}
    found: list[Pairing] = []
    for theme in draw.sample(themes(), len(themes())):
        annex = [control for control in theme.references["iso_42001"] if control in by_control]
        given = [
            (source, control)
            for source in ("eu_ai_act", "nist_ai_rmf", "iso_27001")
            for control in theme.references[source]
            if f"{source}/{control}" not in {each.id for each in found}
        ]
        if not annex or not given or len(found) == _PAIRINGS:
            continue
        source, control = draw.choice(given)
        fitting = {*related(source, control, "iso_42001"), *arguable(source, control)}
        answer = draw.choice(annex)
        wrong = draw.sample(sorted(by_control.keys() - fitting), _OPTIONS - 1)
        options = draw.sample([answer, *wrong], _OPTIONS)
        evidence = draw.sample([by_control[each].id for each in (answer, *wrong)], _OPTIONS)
        found.append(
            Pairing(
                f"{source}/{control}",
                source,
                control,
                title_of(source, control),
                tuple(options),
                tuple(evidence),
                answer,
                by_control[answer].id,
            )
        )
    return tuple(found)
