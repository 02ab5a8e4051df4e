"""Players of T2: one who reads every note, one who hands in nothing, one who lists what is usual."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.exams.issued import Issued
from labkit.exams.task import Variant
from labkit.governance import threatmodel as tm
from labkit.governance.threatmodel.catalogue import catalogue

_BEST = {"why_generic": 2, "why_path": 1, "why_rest": 3}


def reference(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Read the notes, and let the arithmetic of ``labkit.governance.threatmodel`` do the rest."""
    told = issued.facts
    open_flaws = _read(told, variant.params.get("words", {}))
    path = _cheapest(told, open_flaws)
    costs = {step["id"]: step["cost"] for step in told["steps"]}
    rated = {name: told["ratings"][name] for name in open_flaws}
    return {
        "threats": [
            {
                "element": flaw.at,
                "category": flaw.category,
                "technique": flaw.technique or "none",
                "note": note,
            }
            for flaw, note in open_flaws.values()
        ],
        "path": path,
        "path_cost": sum(costs[name] for name in path),
        "risk_before": float(sum(each["likelihood"] * each["impact"] for each in rated.values())),
        "controls": [{"control": name} for name in _ranked(told, open_flaws)],
        **_BEST,
    }


def nothing(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Hand in empty lists."""
    return {"threats": [], "path": [], "path_cost": 0.0, "risk_before": 0.0, "controls": []}


def lazy(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Read no note: list every threat that could be, walk the hard way, buy what helps most in general."""
    told = issued.facts
    known = {flaw.id: flaw for flaw in catalogue().flaws}
    scores = {name: each["likelihood"] * each["impact"] for name, each in told["ratings"].items()}
    worth = {
        each["id"]: sum(scores[name] for name in each["helps_against"]) / each["cost"]
        for each in told["controls"]
    }
    return {
        "threats": [
            {
                "element": known[name].at,
                "category": known[name].category,
                "technique": known[name].technique or "none",
                "note": told["note_ids"][0],
            }
            for name in scores
        ],
        "path": ["hard-supply-entry", "hard-supply-impact"],
        "path_cost": 42.0,
        "risk_before": float(sum(scores.values())),
        "controls": [{"control": name} for name in sorted(worth, key=lambda each: -worth[each])],
        "why_generic": 1,
        "why_path": 2,
        "why_rest": 1,
    }


# ------------------------------------------------------------------ reading and reckoning


def _read(told: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, tuple[tm.Flaw, str]]:
    """Return what the notes leave open: flaw and number of the note, by the id of the flaw."""
    bank = tomllib.loads(Path(__file__).with_name("notes.toml").read_text(encoding="utf-8"))
    family = next(each for each in catalogue().families.values() if each.system == told["system"])
    found = {}
    for flaw in catalogue().flaws:
        text = words.get(f"{flaw.id}.open", bank[flaw.id]["open"]).format(**family.words)
        for part in (*told["elements"], *told["flows"]):
            for note in part["notes"]:
                if part["id"] == flaw.at and note["text"] == text:
                    found[flaw.id] = (flaw, note["id"])
    return found


def _cheapest(told: Mapping[str, Any], open_flaws: Mapping[str, Any]) -> list[str]:
    possible = [each for each in told["steps"] if each["id"] in open_flaws or not each["at"]]
    ways = []
    for route in told["routes"]:
        steps = [
            min(
                (each for each in possible if (each["route"], each["kind"]) == (route, kind)),
                key=lambda each: each["cost"],
            )
            for kind in ("entry", "impact")
        ]
        ways.append((sum(each["cost"] for each in steps), [each["id"] for each in steps]))
    return min(ways)[1]


def _ranked(told: Mapping[str, Any], open_flaws: Mapping[str, Any]) -> list[str]:
    """Return the controls in an order that removes much for half of the money and for all of it."""
    risks = [tm.Risk(name, **told["ratings"][name]) for name in open_flaws]
    controls = [
        tm.Control(each["id"], each["title"], each["cost"], tuple(each["helps_against"]))
        for each in told["controls"]
    ]
    half, whole = told["first_half"], told["budget"]
    small = tm.best_controls(risks, controls, half).controls
    large = tm.best_controls(risks, controls, whole).controls
    # Either begin with the best for half the money and go on from there, or divide the best for all of it.
    rest = [each for each in controls if each.id not in small]
    left = [tm.Risk(each.id, each.likelihood, each.impact) for each in risks]
    spent = sum(each.cost for each in controls if each.id in small)
    go_on = (*small, *_best_rest(left, controls, small, rest, whole - spent))
    first = tm.best_controls(risks, [each for each in controls if each.id in large], half).controls
    divided = (*first, *(name for name in large if name not in first))
    orders: list[Sequence[str]] = [go_on, divided]
    gains = [_gain(risks, controls, order, (half, whole)) for order in orders]
    return list(orders[gains.index(max(gains))])


def _best_rest(
    risks: Sequence[tm.Risk],
    controls: Sequence[tm.Control],
    bought: Sequence[str],
    rest: Sequence[tm.Control],
    money: float,
) -> list[str]:
    """Go on greedily: what takes away most for its price comes next."""
    chosen: list[str] = []
    while True:
        now = tm.residual(risks, controls, (*bought, *chosen))
        fitting = [each for each in rest if each.id not in chosen and each.cost <= money]
        gains = {
            each.id: (now - tm.residual(risks, controls, (*bought, *chosen, each.id))) / each.cost
            for each in fitting
        }
        if not gains or max(gains.values()) <= 0:
            return chosen
        best = max(gains, key=lambda name: gains[name])
        chosen.append(best)
        money -= next(each.cost for each in rest if each.id == best)


def _gain(
    risks: Sequence[tm.Risk], controls: Sequence[tm.Control], order: Sequence[str], budgets: Sequence[float]
) -> float:
    prices = {each.id: each.cost for each in controls}
    total = 0.0
    for budget in budgets:
        bought: list[str] = []
        for name in order:
            if sum(prices[each] for each in (*bought, name)) > budget:
                break
            bought.append(name)
        total += tm.residual(risks, controls, ()) - tm.residual(risks, controls, bought)
    return total
