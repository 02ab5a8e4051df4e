"""One participant's variant of the governance lab: six systems, a firm, controls, a release.

Everything that is asked here has one answer by the declared rules: facts of uncertain
confidence and duties of an uncertain day are shown to participants and never asked for.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.course.cases.governing.crosswalking import Pairing, draw_pairings
from labkit.course.cases.governing.releasing import draw_release
from labkit.course.lab import Scenario
from labkit.governance.controls import (
    CONTEXT_FACTS,
    Context,
    Document,
    Fit,
    annex_a,
    documents,
    duties,
    factors,
    frameworks,
    need_of,
    rank,
)
from labkit.governance.obligations import (
    Classification,
    Decision,
    Duty,
    Obligation,
    System,
    classify,
    decide,
    duties_of,
    read_system,
)

__all__ = ["JUDGEMENTS", "Card", "GovernanceCase", "Pairing", "governance_case"]

JUDGEMENTS: Mapping[str, str] = {
    "blocks": "blocks the release",
    "condition": "becomes due later: a condition",
    "voluntary": "voluntary: a recommendation",
    "no duty": "no duty of ours here",
}
"""What an open item can be for a release."""

_CONTROLS = 12


@dataclass(frozen=True, slots=True)
class Card:
    """A system of the pool with its reviewed key: tier, role, and why."""

    system: System
    kind: str
    tier: str
    role: str
    why: str

    @property
    def id(self) -> str:
        return self.system.id

    @property
    def classification(self) -> Classification:
        """What the rules say."""
        return classify(self.system)


@dataclass(frozen=True, eq=False)
class GovernanceCase:
    """What one participant decides about.

    Attributes
    ----------
    scenario : Scenario
    seed : int
    today : date
        The day on which the lab plays, the one that the facts are of.
    cards : tuple of Card
        Six systems; one of them prohibited, and at least one that only looks high-risk.
    flagship : Card
        The one of them that is to be released, with what contracts bind it to.
    context : Context
        The firm that looks for a framework.
    pairings : tuple of Pairing
    controls : tuple of str
        Controls of Annex A to decide on, for the flagship.
    register : tuple of Document
        The evidence that there is for them.
    release_day : date
    jurisdictions : tuple of str
    items : tuple of Obligation
        What nobody has done yet: something that blocks, a condition, and what is no duty here.
    met : frozenset of str
        Obligations that are fulfilled, with evidence.
    """

    scenario: Scenario
    seed: int
    today: date
    cards: tuple[Card, ...]
    flagship: Card
    context: Context
    pairings: tuple[Pairing, ...]
    controls: tuple[str, ...]
    register: tuple[Document, ...]
    release_day: date
    jurisdictions: tuple[str, ...]
    items: tuple[Obligation, ...]
    met: frozenset[str] = field(default_factory=frozenset)

    @property
    def systems(self) -> tuple[System, ...]:
        """The six systems, without the key."""
        return tuple(card.system for card in self.cards)

    @cached_property
    def ranking(self) -> tuple[Fit, ...]:
        """The frameworks for the firm, the best fit first."""
        return rank(self.context)

    @cached_property
    def duties_of_context(self) -> tuple[str, ...]:
        """Ids of the laws and contracts that bind the firm whatever it chooses."""
        return tuple(each.id for each in duties(self.context))

    @cached_property
    def duties(self) -> tuple[Duty, ...]:
        """Everything that falls on the flagship in the three jurisdictions."""
        return duties_of(self.flagship.system, jurisdictions=self.jurisdictions)

    @cached_property
    def decisions(self) -> Mapping[str, Decision]:
        """What follows for the release, by jurisdiction."""
        return decide(self.flagship.system, self.release_day, self.met, self.jurisdictions)

    @cached_property
    def judgements(self) -> Mapping[str, tuple[str, str]]:
        """What each open item is, and for a condition the day it becomes due."""
        found = {item.id: ("no duty", "") for item in self.items}
        for decision in self.decisions.values():
            for duty in decision.blocking:
                found[duty.obligation.id] = ("blocks", "")
            for duty in decision.conditions:
                found[duty.obligation.id] = ("condition", str(duty.applies_from))
            for duty in decision.recommended:
                found[duty.obligation.id] = ("voluntary", "")
        return {item.id: found[item.id] for item in self.items}


def governance_case(scenario: Scenario, seed: int, cards: Sequence[Mapping[str, Any]]) -> GovernanceCase:
    """Return the variant ``seed`` of ``scenario``.

    Parameters
    ----------
    scenario : Scenario
        Its settings hold ``today`` and the three ``jurisdictions``.
    seed : int
        The same seed gives the same case on every machine.
    cards : sequence of mappings
        The pool: system, ``kind``, ``tier``, ``role`` and ``why`` of each.
    """
    pool = tuple(Card(read_system(raw), raw["kind"], raw["tier"], raw["role"], raw["why"]) for raw in cards)
    places = tuple(scenario.settings["jurisdictions"])
    if len(places) != 3:
        raise InvalidInputError(f"expected three jurisdictions, got {', '.join(places) or 'none'}")
    chosen, flagship = _systems(pool, _random(seed, "systems", scenario))
    release = draw_release(flagship.system, flagship.tier, places, _random(seed, "release", scenario))
    chosen = tuple(replace(card, system=release.system) if card is flagship else card for card in chosen)
    flagship = next(card for card in chosen if card.id == flagship.id)
    controls, register = _statement(flagship, _random(seed, "statement", scenario))
    return GovernanceCase(
        scenario=scenario,
        seed=seed,
        today=date.fromisoformat(scenario.settings["today"]),
        cards=chosen,
        flagship=flagship,
        context=_context(_random(seed, "context", scenario)),
        pairings=draw_pairings(_random(seed, "pairings", scenario)),
        controls=controls,
        register=register,
        release_day=release.day,
        jurisdictions=places,
        items=release.items,
        met=release.met,
    )


def _random(seed: int, part: str, scenario: Scenario) -> random.Random:
    return random.Random(derive(seed, "governance", part, scenario.id))


def _systems(pool: Sequence[Card], draw: random.Random) -> tuple[tuple[Card, ...], Card]:
    """Draw six systems: one of each kind that must be there, and two others."""
    by_kind = {kind: [card for card in pool if card.kind == kind] for kind in {c.kind for c in pool}}
    flagship = draw.choice(by_kind["release"])
    chosen = [
        flagship,
        *(draw.choice(by_kind[kind]) for kind in ("prohibited", "lookalike", "high", "other")),
    ]
    rest = [card for kind in ("lookalike", "high", "other") for card in by_kind[kind] if card not in chosen]
    chosen.append(draw.choice(rest))
    draw.shuffle(chosen)
    return tuple(chosen), flagship


def _context(draw: random.Random) -> Context:
    """Draw a firm with one framework ahead of all others; some laws bind it and some do not."""
    laws = [each for each in frameworks() if not each.chosen]
    while True:
        values = {name: draw.choice(list(about["values"])) for name, about in factors().items()}
        best, second, *_ = rank(Context(values))
        facts = {name for name in CONTEXT_FACTS if draw.random() < 0.5}
        if values["region"] == "EU":
            facts.add("serves-eu")
        context = Context(values, frozenset(facts))
        clear = best.points - second.points >= 2 and len(best.decisive) >= 2
        known = best.framework.confidence == "secondary"
        if clear and known and 0 < len(duties(context)) < len(laws):
            return context


def _statement(flagship: Card, draw: random.Random) -> tuple[tuple[str, ...], tuple[Document, ...]]:
    """Draw twelve controls, some of which do not apply, and evidence for most of those that do."""
    facts = flagship.system.facts
    ids = [control.id for control in annex_a()]
    idle = [control for control in ids if not need_of(control, facts).needed]
    needed = [control for control in ids if control not in idle]
    out = draw.sample(idle, min(len(idle), 3))
    wanted = draw.sample(needed, _CONTROLS - len(out))
    shown = set(draw.sample(wanted, round(0.7 * len(wanted))))
    controls = tuple(control for control in ids if control in {*out, *wanted})
    register = [each for each in documents() if each.controls & shown]
    draw.shuffle(register)
    return controls, tuple(register)
