"""The case files of T1: a system, what it is released with, controls, and a risk, drawn by a seed."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.exams.task import Variant
from labkit.governance.controls import annex_a, need_of
from labkit.governance.obligations import (
    Contract,
    Decision,
    Obligation,
    System,
    classify,
    decide,
    duties_of,
    obligations,
    on_release,
)
from labkit.governance.threatmodel import Control, Risk, residual

TREATMENTS = ("accept", "mitigate", "transfer", "avoid")
_DAYS = ("2026-12-14", "2027-03-01", "2027-09-06", "2028-01-17", "2028-09-18")
_CONTRACT_DAYS = ("2026-03-02", "2026-10-05", "2027-02-01", "2028-02-01", "2028-11-01", "2029-06-01")
_BY_MACHINE = "fully-automated-decision"  # whether a decision is by machine alone is for a court
_AWAY = {"decides-purposes", "e-phi", "covered-entity"}
_ARGUED: Mapping[str, tuple[str, ...]] = {
    "annex-i-section-b": ("eu-ai-act/Art. 4", "eu-ai-act/50"),
    "prohibited": ("eu-ai-act/50",),
    "covered-entity": ("hipaa-security-rule/164.308(b)(1)",),
}
"""What one may argue about under a fact or a tier, so that no key hangs on it.

How far Articles 4 and 50 reach products of Section B is not in the tables (Art. 2(2)); whether people
must be told of what may not be used at all, nobody has to decide; and no case file says whether a
maker handles the records of those who use its system.
"""
_USUAL = {"eu-literacy", *(f"eu-gdpr-{about}" for about in ("basis", "inform", "security", "breach", "dpia"))}
"""Duties that bind nearly everybody: few of them are offered, and they are offered where they do not bind."""
_FEW_DUTIES, _MOST_DUTIES, _BANS, _CONTROLS, _TRIES = 5, 7, 2, 10, 400


@dataclass(frozen=True)
class RiskEntry:
    """What the register should say about one event."""

    paragraphs: tuple[str, ...]
    likelihood: int
    impact: int
    owner: str
    funded: tuple[str, ...]
    wished: tuple[str, ...]
    appetite: float
    residual: float
    treatment: str


@dataclass(frozen=True)
class CaseFile:
    """One variant with its key."""

    title: str
    paragraphs: tuple[str, ...]
    facts: frozenset[str]
    arguable: frozenset[str]
    system: System
    day: date
    options: tuple[Obligation, ...]
    undone: frozenset[str]
    binding: frozenset[str]
    decisions: Mapping[str, Decision]
    controls: tuple[str, ...]
    risk: RiskEntry


@lru_cache(maxsize=1)
def bank() -> dict[str, Any]:
    """Return the sentences that case files are written from."""
    return tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))


def case_file(variant: Variant) -> CaseFile:
    """Return the case file of a variant, with its key."""
    words = tuple(sorted(variant.params.get("words", {}).items()))
    use, hand, place = (str(variant.params[name]) for name in ("use", "hand", "place"))
    return _drawn(variant.seed, use, hand, place, words)


@lru_cache(maxsize=32)
def _drawn(seed: int, use: str, hand: str, place: str, words: tuple[tuple[str, str], ...]) -> CaseFile:
    """Draw the whole file; the seed has 63 bits, so nobody finds it by trying."""
    draw = random.Random(derive(seed, "T1", use, place))
    texts_of, own = bank(), dict(words)
    about = texts_of["use"][use]
    work = draw.choice(about["data"])
    pace = draw.choice(("moving", "moving", "frozen"))
    parts = [(f"use.{use}", about), (f"hand.{hand}", texts_of["hand"][hand])]
    parts += [(f"data.{work}", texts_of["data"][work]), (f"pace.{pace}", texts_of["pace"][pace])]
    stated = frozenset(fact for _, part in parts for fact in part["facts"])
    away = "uses-at-work" not in stated and "away" in texts_of["data"][work]
    stated -= _AWAY if away else set()
    texts = [
        own.get(id, part["away"] if away and id == f"data.{work}" else part["text"]) for id, part in parts
    ]
    noise = draw.sample(sorted(texts_of["noise"]), 2)
    paragraphs = [*texts[:1], texts_of["noise"][noise[0]], *texts[1:], texts_of["noise"][noise[1]]]
    arguable = frozenset(about.get("arguable", ())) | {_BY_MACHINE}
    base = System(use, about["title"], " ".join(paragraphs), stated, ("EU", "US", place))
    if not classify(base).roles:
        raise InvalidInputError(
            f"expected a hand that gives Halden a role with {use!r}, got {hand!r}: what a new name makes "
            "of whoever sells a system that is not high-risk is open to argument"
        )
    system, day, undone, options, binding = _release(base, arguable, draw)
    everything = {each.id for each in obligations()}
    return CaseFile(
        title=about["title"],
        paragraphs=tuple(paragraphs),
        facts=stated,
        arguable=arguable - stated,
        system=system,
        day=day,
        options=options,
        undone=frozenset(undone | {each.id for each in options if each.ban}),
        binding=binding,
        decisions=decide(system, day, everything - undone),
        controls=_controls(random.Random(derive(seed, "T1", "controls"))),
        risk=_risk(own, random.Random(derive(seed, "T1", "risk"))),
    )


def _release(
    base: System, arguable: Collection[str], draw: random.Random
) -> tuple[System, date, set[str], tuple[Obligation, ...], frozenset[str]]:
    """Draw a day, contracts and what is left undone, so that one answer does not fit every place."""
    for attempt in range(_TRIES):
        day = date.fromisoformat(draw.choice(_DAYS))
        system = replace(base, contracts=tuple(_contracts(base, draw)))
        unclear = _unclear(system, arguable)
        found = _open(system, day, unclear, draw, least=3 if attempt < _TRIES // 2 else 1)
        if found is None:
            continue
        undone, binding = found
        options = _options(system, undone, binding, unclear, draw)
        if options:
            return system, day, undone, options, frozenset(binding)
    raise InvalidInputError(f"no release of {base.id!r} has places that differ")


def _contracts(system: System, draw: random.Random) -> list[Contract]:
    found = []
    for place in system.jurisdictions:
        if "card-data" in system:
            found.append(Contract(place, "cards", date.fromisoformat(draw.choice(_CONTRACT_DAYS))))
        if place != "EU" and draw.random() < 0.5:
            found.append(Contract(place, "code", date.fromisoformat(draw.choice(_CONTRACT_DAYS))))
    return found


def _unclear(system: System, arguable: Collection[str]) -> set[str]:
    """Return the duties that are not certain, or that hang on a fact one may argue about."""
    found = {each.id for each in obligations() if not each.settled}
    held = {*system.facts, *classify(system).tiers}
    argued = [entry for key, entries in _ARGUED.items() if key in held for entry in entries]
    found |= {
        each.id
        for each in obligations()
        for entry in argued
        if each.standard == entry or each.standard.startswith(f"{entry}(")
    }
    without = {duty.obligation.id for duty in duties_of(system)}
    for more in (*({fact} for fact in arguable), set(arguable)):
        with_it = replace(system, facts=system.facts | more)
        found |= without ^ {duty.obligation.id for duty in duties_of(with_it)}
    return found


def _open(
    system: System, day: date, unclear: Collection[str], draw: random.Random, least: int
) -> tuple[set[str], set[str]] | None:
    """Draw what is left undone; return it with everything that binds.

    None where the places are alike, or fewer duties than ``least`` bind.
    """
    undone: set[str] = set()
    verdicts = []
    for decision in decide(system, day, ()).values():
        now = [d.obligation.id for d in decision.blocking if d.obligation.id not in unclear]
        later = [d.obligation.id for d in decision.conditions if d.obligation.id not in unclear]
        banned = [duty.obligation.id for duty in decision.blocking if duty.obligation.ban]
        possible = ["no-go"] if banned else ["go", *(["conditions"] * bool(later)), *(["no-go"] * bool(now))]
        verdict = draw.choice(possible)
        verdicts.append(verdict)
        undone |= set(banned)
        if verdict == "no-go":
            undone |= set(draw.sample(now, min(len(now), draw.choice((1, 2)))))
            undone |= set(draw.sample(later, min(len(later), draw.choice((0, 1)))))
        elif verdict == "conditions":
            undone |= set(draw.sample(later, min(len(later), draw.choice((1, 2)))))
    reached = [on_release(duty, system, day) for duty in duties_of(system)]
    binding = {duty.obligation.id for duty in reached if duty and duty.binding} - set(unclear)
    alike = len(set(verdicts)) == 1 or (least > 1 and verdicts.count("go") > 1)
    enough = not alike and len(binding) >= least
    return (undone, binding) if enough else None


def _options(
    system: System, undone: set[str], binding: set[str], unclear: Collection[str], draw: random.Random
) -> tuple[Obligation, ...]:
    """Draw the list to choose from: fewer duties that bind than ones that do not, and two bans always.

    A ban that binds is one of the two: a third would say that the system is prohibited.
    """
    some = sorted(binding - undone - _USUAL)
    more = draw.sample(some, min(len(some), max(0, _MOST_DUTIES - len(undone))))
    usual = sorted((binding - undone) & _USUAL)
    few = max(1, _FEW_DUTIES - len({*undone, *more}))
    true = {*undone, *more, *draw.sample(usual, min(len(usual), few))}
    others = [
        each
        for each in obligations()
        if each.id not in binding and each.id not in unclear and each.jurisdiction in system.jurisdictions
    ]
    bans = [each.id for each in others if each.ban]
    near = [each.id for each in others if each.id in _USUAL or (not each.binding and not each.when)]
    rest = [each.id for each in others if not each.ban and each.id not in near]
    banned = sum(each.ban for each in obligations() if each.id in true)
    false = {*draw.sample(bans, _BANS - banned), *draw.sample(near, min(len(near), 4))}
    false |= set(draw.sample(rest, max(2, len(true) - len(false) + 2)))
    # What is voluntary or does not reach us and was not done all the same must not look different.
    chosen = [each for each in obligations() if each.id in true | false]
    undone |= {id for id in sorted(false) if draw.random() < 0.5}
    draw.shuffle(chosen)
    return tuple(chosen)


def _controls(draw: random.Random) -> tuple[str, ...]:
    """Draw controls to decide on: some that hang on each fact, whatever the facts are, and sure ones."""
    ids = [control.id for control in annex_a()]
    hanging: dict[str, list[str]] = {}
    for id in ids:
        if reason := need_of(id, ()).reason:
            hanging.setdefault(reason, []).append(id)
    chosen = [id for group in hanging.values() for id in draw.sample(group, min(len(group), 2))]
    sure = [id for id in ids if need_of(id, ()).needed]
    chosen += draw.sample(sure, _CONTROLS - len(chosen))
    return tuple(id for id in ids if id in chosen)


def _risk(own: Mapping[str, str], draw: random.Random) -> RiskEntry:
    """Draw an event, how likely and how bad it is, and what is done; the treatment is drawn first."""
    texts_of = bank()
    owner = draw.choice(sorted({each["owner"] for each in texts_of["event"].values()}))
    name = draw.choice([name for name, each in texts_of["event"].items() if each["owner"] == owner])
    event = texts_of["event"][name]
    treatment = draw.choice(TREATMENTS)
    likelihood, impact = draw.choice((2, 3, 4, 5)), draw.choice((2, 3, 4, 5))
    helping = 0 if treatment == "accept" else draw.choice((1, 1, 2))
    fitting = draw.sample(event["helps"], helping)
    idle = draw.sample(texts_of["idle"]["measures"], 3)
    funded, wished = (
        [*fitting, *idle[:2]],
        [*idle[2:], *(each for each in event["helps"] if each not in fitting)],
    )
    controls = [Control(str(number), text, 0, (name,)) for number, text in enumerate(fitting)]
    rated = Risk(name, likelihood, impact)
    left = round(residual([rated], controls, [each.id for each in controls]), 1)
    appetite = {
        "accept": rated.score + draw.choice((0, 1, 2)),
        "mitigate": round(left + draw.choice((0.1, 0.3, 0.5)), 1),
    }.get(treatment, round(left * draw.choice((0.5, 0.7, 0.9)) - 0.04, 1))
    cover = {"transfer": "yes", "avoid": "no"}.get(treatment) or draw.choice(("yes", "no"))
    paragraphs = [
        own.get(f"event.{name}", event["text"]),
        draw.choice(texts_of["likelihood"][str(likelihood)]),
        draw.choice(texts_of["impact"][str(impact)]),
        texts_of["cover"][cover],
    ]
    draw.shuffle(funded)
    draw.shuffle(wished)
    return RiskEntry(
        paragraphs=tuple(paragraphs),
        likelihood=likelihood,
        impact=impact,
        owner=event["owner"],
        funded=tuple(funded),
        wished=tuple(wished),
        appetite=float(appetite),
        residual=left,
        treatment=treatment,
    )
