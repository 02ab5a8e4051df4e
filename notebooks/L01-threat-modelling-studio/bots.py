"""Three players of the studio: one who knows the key, one who hands in nothing, one who ticks all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.governance import threatmodel as tm

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: Any) -> Handed:
    """Hand in the key, which nobody can compute from prose, and let the arithmetic choose the rest."""
    flaws = case.architecture.planted
    yield "find", {"threats": [(flaw.at, flaw.category) for flaw in flaws]}
    rows = [
        tm.Threat(
            flaw.at,
            flaw.category,
            flaw.technique,
            flaw.mitigations[0],
            flaw.likelihood,
            flaw.impact,
            case.owners[2],
        )
        for flaw in flaws
    ]
    yield "register", {"rows": rows}
    path = tm.best_path(case.tree)
    cut = tm.cheapest_cut(case.tree, case.controls, case.architecture.purse)
    yield "tree", {"path": path.steps if path else (), "cut": cut[0] if cut else ()}
    best = tm.best_controls(case.architecture.risks, case.controls, case.architecture.budget)
    yield "controls", {"chosen": best.controls}
    cheapest = tm.cheapest_controls(case.architecture.risks, case.controls, case.architecture.appetite)
    yield "price", {"chosen": cheapest.controls if cheapest else ()}


def nothing(case: Any) -> Handed:
    """Hand in empty lists."""
    yield "find", {"threats": []}
    yield "register", {"rows": []}
    yield "tree", {"path": [], "cut": []}
    yield "controls", {"chosen": []}
    yield "price", {"chosen": []}


def lazy(case: Any) -> Handed:
    """Tick every box, rate everything in the middle, and buy from the top of the list."""
    every = tm.every_pair(case.model)
    yield "find", {"threats": every}
    rows = [tm.Threat(where, what, "", "AML.M0018", 3, 3, case.owners[0]) for where, what in every]
    yield "register", {"rows": rows}
    yield (
        "tree",
        {"path": [step.id for step in tm.steps(case.tree)], "cut": [c.id for c in case.controls]},
    )
    bought, cost = [], 0
    for control in sorted(case.controls, key=lambda each: -each.cost):
        if cost + control.cost <= case.architecture.budget:
            bought.append(control.id)
            cost += control.cost
    yield "controls", {"chosen": bought}
    yield "price", {"chosen": [control.id for control in case.controls]}
