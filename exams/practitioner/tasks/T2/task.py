"""T2: find what is wrong in an architecture, the cheapest way in, and the controls to buy first.

The system, what is planted in it and the ratings come from ``labkit.governance.threatmodel``; the
notes are worded in ``notes.toml``.  Every step and every control that could be there is issued with
its price, whether it is open or not: only the notes say which of them are.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.core.seeds import derive
from labkit.exams.issued import Issued
from labkit.exams.task import Measured, Variant
from labkit.governance import threatmodel as tm
from labkit.governance.threatmodel.catalogue import catalogue

BUDGET = 100
FIRST_HALF = 50
NO_TECHNIQUE = "none"
_HARD = {"entry": 22.0, "impact": 20.0}
_ROUTES = {
    "documents": "through a document that the assistant reads",
    "interface": "through the front door",
    "supply": "through what the model is made of",
    "inside": "from inside",
}
_PACE = (0.7, 1.7)
_PRICE = (0.6, 1.5)  # how far the price of a control may lie from that of the catalogue


@dataclass(frozen=True)
class Attack:
    """A step: ``open`` says whether the notes leave it to an attacker."""

    id: str
    title: str
    at: str
    route: str
    kind: str
    cost: float
    open: bool


@dataclass(frozen=True)
class Plan:
    """One variant with its key: ``notes`` by number (where, text), ``note_of`` by flaw."""

    architecture: tm.Architecture
    candidates: tuple[tm.Flaw, ...]
    notes: Mapping[str, tuple[str, str]]
    note_of: Mapping[str, str]
    attacks: tuple[Attack, ...]
    controls: tuple[tm.Control, ...]
    best: Mapping[int, float]


# ------------------------------------------------------------------ what is issued


def issue(variant: Variant) -> Issued:
    """Return diagram, notes, steps, ratings and controls; not which of them are open."""
    plan = _plan(variant)
    model, known = plan.architecture.model, tm.techniques()
    techniques = sorted({name for flaw in catalogue().flaws for name in flaw.techniques})
    by_part: dict[str, list[dict[str, str]]] = {}
    for number, (at, text) in plan.notes.items():
        by_part.setdefault(at, []).append({"id": number, "text": text})
    return Issued(
        {},
        {
            "system": model.name,
            "goal": plan.architecture.family.goal,
            "zones": {zone.id: zone.name for zone in model.zones},
            "elements": [
                {
                    "id": each.id,
                    "name": each.name,
                    "kind": each.kind,
                    "zone": each.zone,
                    "notes": by_part.get(each.id, []),
                }
                for each in model.elements
            ],
            "flows": [
                {
                    "id": each.id,
                    "from": each.source,
                    "to": each.target,
                    "data": each.data,
                    "notes": by_part.get(each.id, []),
                }
                for each in model.flows
            ],
            "assets": [{"name": each.name, "at": each.at, "worth": each.worth} for each in model.assets],
            "part_ids": _parts(plan.architecture),
            "note_ids": list(plan.notes),
            "categories": {letter: each.name for letter, each in tm.CATEGORIES.items()},
            "techniques": {NO_TECHNIQUE: "no ATLAS technique names it"} | {t: known[t] for t in techniques},
            "technique_ids": [NO_TECHNIQUE, *techniques],
            "routes": _ROUTES,
            "steps": [
                {
                    "id": each.id,
                    "title": each.title,
                    "at": each.at,
                    "route": each.route,
                    "kind": each.kind,
                    "cost": each.cost,
                }
                for each in plan.attacks
            ],
            "step_ids": [each.id for each in plan.attacks],
            "ratings": {
                flaw.id: {"likelihood": flaw.likelihood, "impact": flaw.impact} for flaw in plan.candidates
            },
            "controls": [
                {"id": each.id, "title": each.title, "cost": each.cost, "helps_against": list(each.against)}
                for each in plan.controls
            ],
            "control_ids": [each.id for each in plan.controls],
            "budget": BUDGET,
            "first_half": FIRST_HALF,
            "effect": 0.8,
        },
    )


# ------------------------------------------------------------------ what is measured


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold threats, path and controls against what is planted; what is missing measures 0."""
    plan = _plan(variant)
    hits, false = _sorted(plan, hand_in.get("threats", ()))
    planted = {flaw.id: flaw for flaw in plan.architecture.planted}
    named = [flaw for flaw in planted.values() if flaw.techniques]
    right_techniques = sum(
        flaw.id in hits and all(row["technique"] in flaw.techniques for row in hits[flaw.id])
        for flaw in named
    )
    grounded = sum(all(row["note"] == plan.note_of[id] for row in rows) for id, rows in hits.items())
    found = _net(len(hits), false, len(planted))
    path_share, path_cost = _path(plan, hand_in.get("path", ()))
    ranked = list(dict.fromkeys(row["control"] for row in hand_in.get("controls", ())))
    removed = {budget: _removed(plan, ranked, budget) for budget in plan.best}
    return Measured(
        {
            "threats": found,
            "techniques": _net(right_techniques, false, len(named)),
            "path": path_share,
            "path_cost": path_cost,
            "risk_removed": sum(removed.values()) / sum(plan.best.values()),
            "grounded": _net(grounded, false, len(planted)),
            "baseline": found * _agrees(plan, hand_in.get("threats", ()), hand_in.get("risk_before")),
        },
        {
            "hits": float(len(hits)),
            "false_alarms": float(false),
            "missed": "; ".join(flaw.title for id, flaw in planted.items() if id not in hits),
            "cheapest": min(_attack_costs(plan)),
            "removed_with_half": removed[FIRST_HALF],
            "removed_with_all": removed[BUDGET],
            "best_with_half": plan.best[FIRST_HALF],
            "best_with_all": plan.best[BUDGET],
        },
    )


def _net(right: int, wrong: int, of: int) -> float:
    """Return the share that is right, less one for each that is wrong."""
    return max(0.0, (right - wrong) / of)


def _sorted(plan: Plan, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[Mapping[str, Any]]], int]:
    """Return the rows that are about something open, by its id, and how many others are false alarms.

    A pair of place and letter counts once, and so does a flaw that two letters fit.
    """
    open_pairs = {pair: flaw.id for flaw in plan.architecture.planted for pair in _pairs(flaw)}
    hits: dict[str, list[Mapping[str, Any]]] = {}
    false: set[tuple[str, str]] = set()
    for row in rows:
        pair = (row["element"], row["category"])
        if pair in open_pairs:
            hits.setdefault(open_pairs[pair], []).append(row)
        else:
            false.add(pair)
    return hits, len(false)


def _pairs(flaw: tm.Flaw) -> list[tuple[str, str]]:
    """Return where a flaw is and the letters that fit it; careful people may choose another than we do."""
    return [(flaw.at, letter) for letter in (flaw.category, *_bank()[flaw.id].get("also", ""))]


def _attack_costs(plan: Plan) -> list[float]:
    """Return what the cheapest attack of each route costs."""
    return [
        sum(
            min(each.cost for each in plan.attacks if (each.route, each.kind) == (route, kind) and each.open)
            for kind in _HARD
        )
        for route in _ROUTES
    ]


def _path(plan: Plan, chosen: Sequence[str]) -> tuple[float, float]:
    """Return how near a path comes to the cheapest one (0 for what is no attack), and what it costs."""
    steps = [each for each in plan.attacks if each.id in chosen]
    cost = sum(each.cost for each in steps)
    complete = any({each.kind for each in steps if each.route == route} == set(_HARD) for route in _ROUTES)
    possible = complete and all(each.open for each in steps)
    return (min(_attack_costs(plan)) / cost if possible else 0.0), cost


def _removed(plan: Plan, ranked: Sequence[str], budget: int) -> float:
    """Return the risk that is gone after buying from the top until the money does not reach."""
    prices = {each.id: each.cost for each in plan.controls}
    bought: list[str] = []
    for name in ranked:
        if sum(prices[each] for each in (*bought, name)) > budget:
            break
        bought.append(name)
    risks = plan.architecture.risks
    return tm.residual(risks, plan.controls, ()) - tm.residual(risks, plan.controls, bought)


def _agrees(plan: Plan, rows: Sequence[Mapping[str, Any]], claimed: Any) -> float:
    """Return 1 where the risk before any control is the sum over the threats that were handed in."""
    given = {(row["element"], row["category"]) for row in rows}
    own = sum(flaw.likelihood * flaw.impact for flaw in plan.candidates if given & set(_pairs(flaw)))
    return float(claimed is not None and abs(float(claimed) - own) < 0.5)


# ------------------------------------------------------------------ how a variant is drawn


def _plan(variant: Variant) -> Plan:
    words = tuple(sorted(variant.params.get("words", {}).items()))
    return _drawn(variant.seed, variant.params["family"], words)


@lru_cache(maxsize=32)
def _drawn(seed: int, family: str, words: tuple[tuple[str, str], ...]) -> Plan:
    """Draw the architecture and everything that is priced; the seed has 63 bits."""
    architecture = tm.generate(family, derive(seed, "T2"))
    draw = random.Random(derive(seed, "T2", "prices"))
    parts = _parts(architecture)
    candidates = tuple(flaw for flaw in catalogue().flaws if flaw.at in parts)
    planted = {flaw.id for flaw in architecture.planted}
    notes, note_of = _notes(architecture, candidates, dict(words))
    controls = _controls(candidates, draw)
    best = {
        budget: tm.residual(architecture.risks, controls, ())
        - tm.best_controls(architecture.risks, controls, budget).residual
        for budget in (FIRST_HALF, BUDGET)
    }
    return Plan(
        architecture, candidates, notes, note_of, tuple(_attacks(candidates, planted, draw)), controls, best
    )


def _parts(architecture: tm.Architecture) -> list[str]:
    """Return the ids of elements and flows, in the order of the diagram."""
    return [each.id for each in architecture.model.elements] + [each.id for each in architecture.model.flows]


@lru_cache(maxsize=1)
def _bank() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("notes.toml").read_text(encoding="utf-8"))


def _notes(
    architecture: tm.Architecture, candidates: Sequence[tm.Flaw], own: Mapping[str, str]
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Word every note, and number them in the order of the diagram."""
    planted = {flaw.id for flaw in architecture.planted}
    order = _parts(architecture)
    notes, note_of = {}, {}
    for number, flaw in enumerate(sorted(candidates, key=lambda each: order.index(each.at)), start=1):
        state = "open" if flaw.id in planted else "closed"
        text = own.get(f"{flaw.id}.{state}", _bank()[flaw.id][state])
        name = f"n{number:02d}"
        notes[name] = (flaw.at, text.format(**architecture.family.words))
        note_of[flaw.id] = name
    return notes, note_of


def _attacks(candidates: Sequence[tm.Flaw], planted: set[str], draw: random.Random) -> list[Attack]:
    """Return a step for every flaw that could be there, and the hard way for every route."""
    pace = draw.uniform(*_PACE)
    found = []
    for flaw in candidates:
        cost = max(1.0, float(round(flaw.effort * pace + draw.choice((-2, -1, 0, 1, 2)))))
        found.append(Attack(flaw.id, flaw.title, flaw.at, flaw.route, flaw.step, cost, flaw.id in planted))
    for route, title in _ROUTES.items():
        found += [
            Attack(f"hard-{route}-{kind}", f"The hard way, {title}", "", route, kind, cost, True)
            for kind, cost in _HARD.items()
        ]
    return found


def _controls(candidates: Sequence[tm.Flaw], draw: random.Random) -> tuple[tm.Control, ...]:
    """Return every control of the catalogue at a price of this variant, with all it could help against."""
    return tuple(
        tm.Control(
            name,
            about["title"],
            max(3, round(about["cost"] * draw.uniform(*_PRICE))),
            tuple(flaw.id for flaw in candidates if name in flaw.controls),
        )
        for name, about in catalogue().controls.items()
    )
