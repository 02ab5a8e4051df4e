"""One participant's variant of the governance lab: six systems, a firm, controls, a release.

Everything that is asked here has one answer by the declared rules: facts of uncertain
confidence and duties of an uncertain day are shown to participants and never asked for.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
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
    related,
    themes,
    title_of,
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
    obligations,
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

_ARGUABLE = {"eu-gdpr-automated"}  # whether a score is a decision by machine alone is for a court
_PAIRINGS = 10
_CONTROLS = 12
_OPTIONS = 4
_DAYS = {
    "high-risk-annex-iii": ("2027-03-01", "2027-09-01", "2028-01-17"),
    "high-risk-annex-i": ("2027-09-01", "2028-01-17", "2028-09-18"),
    "transparency": ("2026-12-14", "2027-03-01"),
}


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
        Controls of Annex A, of which one shares a theme with it.
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
        The one of them that is to be released.
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
        What nobody has done yet; some of it is no duty here at all.
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
    day, items, met = _release(flagship, places, _random(seed, "release", scenario))
    controls, register = _statement(flagship, _random(seed, "statement", scenario))
    return GovernanceCase(
        scenario=scenario,
        seed=seed,
        today=date.fromisoformat(scenario.settings["today"]),
        cards=chosen,
        flagship=flagship,
        context=_context(_random(seed, "context", scenario)),
        pairings=_pairings(_random(seed, "pairings", scenario)),
        controls=controls,
        register=register,
        release_day=day,
        jurisdictions=places,
        items=items,
        met=met,
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


def _pairings(draw: random.Random) -> tuple[Pairing, ...]:
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
        fitting = set(related(source, control, "iso_42001"))
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


def _release(
    flagship: Card, places: Sequence[str], draw: random.Random
) -> tuple[date, tuple[Obligation, ...], frozenset[str]]:
    """Draw a day, and what is not done by then: something binding, something voluntary, and decoys."""
    day = date.fromisoformat(draw.choice(_DAYS[flagship.tier]))
    falling = duties_of(flagship.system, jurisdictions=places)
    settled = [duty for duty in falling if duty.obligation.settled]
    now = [duty for duty in settled if duty.obligation.binding and duty.in_force(day)]
    later = [duty for duty in settled if duty.obligation.binding and not duty.in_force(day)]
    free = [duty for duty in settled if not duty.obligation.binding]
    blocking = draw.sample(now, min(len(now), draw.choice((0, 1, 2)) if later else draw.choice((1, 2))))
    open_duties = [
        *blocking,
        *draw.sample(later, min(len(later), draw.choice((2, 3)))),
        *draw.sample(free, min(len(free), 2)),
    ]
    ours = {duty.obligation.id for duty in falling}
    foreign = [
        each
        for each in obligations()
        if each.settled
        and each.binding
        and each.jurisdiction in places
        and each.id not in ours
        # Nobody leaves a ban on somebody else's practice undone.
        and each.tiers != ("prohibited",)
        and each.id not in _ARGUABLE
    ]
    items = [duty.obligation for duty in open_duties] + draw.sample(foreign, 3)
    draw.shuffle(items)
    opened = {duty.obligation.id for duty in open_duties}
    return day, tuple(items), frozenset(ours - opened)
