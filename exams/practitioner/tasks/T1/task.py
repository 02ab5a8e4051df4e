"""T1: classify one system, state which controls apply, enter a risk, and decide about a release.

The seed draws a case file out of ``phrases.toml``.  What is right follows from the facts that the
file states, by the rules of ``labkit.governance``; nothing else of a variant is stored anywhere.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.exams.issued import Issued
from labkit.exams.task import Measured, Variant
from labkit.governance.controls import annex_a, need_of, reasons
from labkit.governance.obligations import (
    JURISDICTIONS,
    ROLES,
    TIERS,
    Contract,
    Decision,
    Obligation,
    System,
    classify,
    decide,
    duties_of,
    facts,
    obligations,
    on_release,
)
from labkit.governance.obligations.release import VERDICTS
from labkit.governance.threatmodel import IMPACT, LIKELIHOOD, Control, Risk, residual

TODAY = "2026-11-23"
NO_DUTY = "nothing"
APPLIES = "applies"
TREATMENTS = ("accept", "mitigate", "transfer", "avoid")
_DAYS = ("2026-12-14", "2027-03-01", "2027-09-06", "2028-01-17", "2028-09-18")
_CONTRACT_DAYS = ("2026-03-02", "2026-10-05", "2027-02-01", "2028-02-01", "2028-11-01", "2029-06-01")
_AWAY = {"decides-purposes", "e-phi", "covered-entity"}
_MOST_DUTIES, _CONTROLS, _IDLE, _TRIES = 7, 10, 4, 400
_TOLERANCE = 0.051  # residual is given to one decimal


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


# ------------------------------------------------------------------ what is issued


def issue(variant: Variant) -> Issued:
    """Return the case file and the lists to choose from; no fact, no seed and no key."""
    case = _case_file(variant)
    known = {control.id: control for control in annex_a()}
    risk = case.risk
    return Issued(
        {},
        {
            "title": case.title,
            "case_file": list(case.paragraphs),
            "today": TODAY,
            "release_day": case.day.isoformat(),
            "jurisdictions": {place: JURISDICTIONS[place] for place in case.system.jurisdictions},
            "contracts": [
                {"jurisdiction": each.jurisdiction, "about": each.about, "since": each.since.isoformat()}
                for each in case.system.contracts
            ],
            "facts": dict(facts()),
            "fact_ids": list(facts()),
            "tiers": dict(TIERS),
            "roles": dict(ROLES),
            "verdicts": dict(VERDICTS),
            "duties": [
                {
                    "id": each.id,
                    "jurisdiction": each.jurisdiction,
                    "title": each.title,
                    "text": each.text,
                    "done": each.id not in case.undone,
                }
                for each in case.options
            ],
            "duty_ids": [each.id for each in case.options],
            "because_ids": [NO_DUTY, *(each.id for each in case.options)],
            "places": list(case.system.jurisdictions),
            "controls": [
                {"id": id, "title": known[id].title, "summary": known[id].summary} for id in case.controls
            ],
            "control_ids": list(case.controls),
            "reasons": {APPLIES: "It applies.", **reasons()},
            "why_codes": [APPLIES, *reasons()],
            "risk": {
                "paragraphs": list(risk.paragraphs),
                "funded": list(risk.funded),
                "asked_for_but_not_funded": list(risk.wished),
                "appetite": risk.appetite,
                "answers_for": dict(_bank()["answers_for"]),
            },
            "owners": list(_bank()["answers_for"]),
            "likelihood": {str(key): words for key, words in LIKELIHOOD.items()},
            "impact": {str(key): words for key, words in IMPACT.items()},
        },
    )


# ------------------------------------------------------------------ what is measured


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold a hand-in against the rules; what is missing measures 0."""
    case = _case_file(variant)
    key = classify(case.system)
    read = set(hand_in.get("facts_read", ()))
    facts_read = _net(read, case.facts, case.arguable)
    tier, roles = hand_in.get("tier"), set(hand_in.get("roles", ()))
    lines = _once(hand_in.get("statement", ()), "control")
    verdicts = _once(hand_in.get("release", ()), "jurisdiction")
    right_verdicts = _right_verdicts(case, verdicts)
    free = sum(decision.verdict == "go" for decision in case.decisions.values())
    risk_right = _risk_right(case.risk, hand_in)
    consistent = _consistency(read, hand_in, lines, case.controls)
    banned = key.tier == "prohibited" and verdicts.get("EU", {}).get("verdict") == "go"
    return Measured(
        {
            "classification": _classified(key.tier, set(key.roles), tier, roles),
            "duties": _net(hand_in.get("duties", ()), {d.id for d in case.options} & case.binding),
            "statement": _statement(case, lines),
            "risk_entry": max(0.0, (risk_right - 1) / 4),
            "release": max(0.0, (right_verdicts - free) / (len(case.decisions) - free)),
            "facts_read": facts_read,
            "consistent": facts_read * consistent,
            "banned_released": float(banned),
        },
        {
            "tier": TIERS[key.tier],
            "roles": ", ".join(ROLES[role] for role in key.roles),
            "verdicts": ", ".join(f"{place} {each.verdict}" for place, each in case.decisions.items()),
            "risk": f"{case.risk.likelihood} × {case.risk.impact}, {case.risk.owner}, "
            f"{case.risk.treatment}, {case.risk.residual:g} left",
            "risk_parts_right": float(risk_right),
            "verdicts_right": float(right_verdicts),
        },
    )


def _net(chosen: Collection[str], truth: Collection[str], neutral: Collection[str] = ()) -> float:
    """Return the share of what is so that was found, less one for each thing that is not so."""
    ticked = set(chosen) - set(neutral)
    return max(0.0, (len(ticked & set(truth)) - len(ticked - set(truth))) / len(truth))


def _classified(tier: str, roles: set[str], given_tier: Any, given_roles: set[str]) -> float:
    if given_tier != tier:
        return 0.0
    return 1.0 if given_roles == roles else 0.4


def _once(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, Mapping[str, Any]]:
    """Return the rows by a column; what is stated twice is stated by neither row."""
    names = [row.get(column) for row in rows]
    return {row[column]: row for row in rows if row.get(column) and names.count(row[column]) == 1}


def _statement(case: CaseFile, lines: Mapping[str, Mapping[str, Any]]) -> float:
    """Return how surely what is needed and what is idle are told apart: 0 for one answer to all."""
    shares = []
    for needed in (True, False):
        group = [name for name in case.controls if need_of(name, case.facts).needed == needed]
        right = sum(_line_right(name, lines.get(name, {}), case.facts) for name in group)
        shares.append(right / len(group))
    return max(0.0, sum(shares) - 1)


def _line_right(control: str, line: Mapping[str, Any], stated: Collection[str]) -> bool:
    need = need_of(control, stated)
    wanted = ("yes", APPLIES) if need.needed else ("no", need.reason)
    return (line.get("applies"), line.get("why")) == wanted


def _right_verdicts(case: CaseFile, rows: Mapping[str, Mapping[str, Any]]) -> int:
    """Return for how many places verdict and reason are right."""
    right = 0
    for place, decision in case.decisions.items():
        row = rows.get(place, {})
        deciding = {"no-go": decision.blocking, "conditions": decision.conditions, "go": ()}
        causes = {duty.obligation.id for duty in deciding[decision.verdict]} or {NO_DUTY}
        right += row.get("verdict") == decision.verdict and row.get("because") in causes
    return right


def _risk_right(risk: RiskEntry, hand_in: Mapping[str, Any]) -> int:
    """Return how many of the five parts of the register entry are right."""
    left = hand_in.get("risk_residual")
    near = left is not None and abs(float(left) - risk.residual) <= _TOLERANCE
    return near + sum(
        hand_in.get(f"risk_{part}") == getattr(risk, part)
        for part in ("likelihood", "impact", "owner", "treatment")
    )


def _consistency(
    read: set[str],
    hand_in: Mapping[str, Any],
    lines: Mapping[str, Mapping[str, Any]],
    controls: Sequence[str],
) -> float:
    """Return how far tier, roles and statement follow from the facts that the candidate read."""
    follows = classify(System("own", "own", "", frozenset(read)))
    parts = [
        float(hand_in.get("tier") == follows.tier),
        float("roles" in hand_in and set(hand_in["roles"]) == set(follows.roles)),
        sum(_line_right(name, lines.get(name, {}), read) for name in controls) / len(controls),
    ]
    return sum(parts) / len(parts)


# ------------------------------------------------------------------ how a variant is drawn


@lru_cache(maxsize=1)
def _bank() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))


def _case_file(variant: Variant) -> CaseFile:
    words = tuple(sorted(variant.params.get("words", {}).items()))
    return _drawn(variant.seed, variant.params["use"], variant.params["place"], words)


@lru_cache(maxsize=32)
def _drawn(seed: int, use: str, place: str, words: tuple[tuple[str, str], ...]) -> CaseFile:
    """Draw the whole file; the seed has 63 bits, so nobody finds it by trying."""
    draw = random.Random(derive(seed, "T1", use, place))
    bank, own = _bank(), dict(words)
    about = bank["use"][use]
    hand = draw.choice(about["hands"])
    work = draw.choice(about["data"])
    pace = draw.choice(("moving", "moving", "frozen"))
    parts = [(f"use.{use}", about), (f"hand.{hand}", bank["hand"][hand])]
    parts += [(f"data.{work}", bank["data"][work]), (f"pace.{pace}", bank["pace"][pace])]
    stated = frozenset(fact for _, part in parts for fact in part["facts"])
    away = "uses-at-work" not in stated and "away" in bank["data"][work]
    stated -= _AWAY if away else set()
    texts = [own.get(id, part["away"] if away and id == f"data.{work}" else part["text"]) for id, part in parts]
    noise = draw.sample(sorted(bank["noise"]), 2)
    paragraphs = [*texts[:1], bank["noise"][noise[0]], *texts[1:], bank["noise"][noise[1]]]
    arguable = frozenset(about.get("arguable", ()))
    base = System(use, about["title"], " ".join(paragraphs), stated, ("EU", "US", place))
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
        controls=_controls(stated, draw),
        risk=_risk(own, draw),
    )


def _release(
    base: System, arguable: Collection[str], draw: random.Random
) -> tuple[System, date, set[str], tuple[Obligation, ...], frozenset[str]]:
    """Draw a day, contracts and what is left undone, so that one answer does not fit every place."""
    for _ in range(_TRIES):
        day = date.fromisoformat(draw.choice(_DAYS))
        system = replace(base, contracts=tuple(_contracts(base, draw)))
        unclear = _unclear(system, arguable)
        found = _open(system, day, unclear, draw)
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
        if place != "EU" and draw.random() < 0.7:
            found.append(Contract(place, "code", date.fromisoformat(draw.choice(_CONTRACT_DAYS))))
    return found


def _unclear(system: System, arguable: Collection[str]) -> set[str]:
    """Return the duties that are not certain, or that hang on a fact one may argue about."""
    with_it = replace(system, facts=system.facts | frozenset(arguable))
    sides = [{duty.obligation.id for duty in duties_of(each)} for each in (system, with_it)]
    return (sides[0] ^ sides[1]) | {each.id for each in obligations() if not each.settled}


def _open(
    system: System, day: date, unclear: Collection[str], draw: random.Random
) -> tuple[set[str], set[str]] | None:
    """Draw what is left undone; return it with everything that binds, None where the places are alike."""
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
    enough = len(set(verdicts)) > 1 and verdicts.count("go") < len(verdicts) - 1 and len(binding) >= 3
    return (undone, binding) if enough else None


def _options(
    system: System, undone: set[str], binding: set[str], unclear: Collection[str], draw: random.Random
) -> tuple[Obligation, ...]:
    """Draw the list to choose from: fewer duties that bind than ones that do not, some bans always."""
    more = draw.sample(sorted(binding - undone), min(len(binding - undone), max(0, _MOST_DUTIES - len(undone))))
    true = {*undone, *more}
    others = [
        each
        for each in obligations()
        if each.id not in binding and each.id not in unclear and each.jurisdiction in system.jurisdictions
    ]
    bans = [each.id for each in others if each.ban]
    rest = [each.id for each in others if not each.ban]
    false = {*draw.sample(bans, 2), *draw.sample(rest, min(len(rest), max(len(true), 4)))}
    # What is voluntary or does not reach us and was not done all the same must not look different.
    chosen = [each for each in obligations() if each.id in true | false]
    undone |= {id for id in sorted(false) if draw.random() < 0.5}
    draw.shuffle(chosen)
    return tuple(chosen)


def _controls(stated: Collection[str], draw: random.Random) -> tuple[str, ...]:
    """Draw controls to decide on: some that are idle, and of the others those that hang on a fact first."""
    ids = [control.id for control in annex_a()]
    idle = [id for id in ids if not need_of(id, stated).needed]
    hanging = [id for id in ids if id not in idle and not need_of(id, ()).needed]
    sure = [id for id in ids if id not in idle and id not in hanging]
    out = draw.sample(idle, min(len(idle), _IDLE))
    wanted = draw.sample(hanging, min(len(hanging), 3))
    wanted += draw.sample(sure, _CONTROLS - len(out) - len(wanted))
    return tuple(id for id in ids if id in {*out, *wanted})


def _risk(own: Mapping[str, str], draw: random.Random) -> RiskEntry:
    """Draw an event, how likely and how bad it is, and what is done; the treatment is drawn first."""
    bank = _bank()
    name = draw.choice(sorted(bank["event"]))
    event = bank["event"][name]
    treatment = draw.choice(TREATMENTS)
    likelihood, impact = draw.choice((2, 3, 4, 5)), draw.choice((2, 3, 4, 5))
    helping = 0 if treatment == "accept" else draw.choice((1, 1, 2))
    fitting = draw.sample(event["helps"], helping)
    idle = draw.sample(bank["idle"]["measures"], 3)
    funded, wished = [*fitting, *idle[:2]], [*idle[2:], *(each for each in event["helps"] if each not in fitting)]
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
        draw.choice(bank["likelihood"][str(likelihood)]),
        draw.choice(bank["impact"][str(impact)]),
        bank["cover"][cover],
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
