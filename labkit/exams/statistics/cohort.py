"""Score sheets of candidates that do not exist: for rehearsing everything that happens after grading."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from labkit.core.checks import whole
from labkit.exams.blueprint import Blueprint, Slot
from labkit.exams.grading.deciding import decide
from labkit.exams.statistics.reliability import Matrix
from labkit.exams.statistics.simulate import Assumptions, plan_of, simulate_scores

__all__ = ["simulate_sheets"]

_OPTIONS = ("first", "second", "third", "fourth")
_PARTS = (("outcome", 0.6), ("process", 0.2), ("justification", 0.2))


def simulate_sheets(
    blueprint: Blueprint,
    candidates: int,
    seed: int,
    *,
    assumptions: Assumptions | None = None,
    variants: int = 4,
    mode: str = "exam",
) -> list[dict[str, Any]]:
    """Return a score sheet for each candidate, as the grader would write it.

    Every item has four options of which the first wrong one is the most tempting.  The
    criteria of a task share its credit; its steps are not told apart.

    Parameters
    ----------
    blueprint : Blueprint
    candidates : int
    seed : int
    assumptions : Assumptions, optional
    variants : int
        Variants of each item and task, drawn evenly.
    mode : str
        What the sheets say they are of.
    """
    candidates, variants = whole("candidates", candidates), whole("variants", variants)
    rng = np.random.default_rng(seed)
    plan = plan_of(blueprint)
    tasks, items, _ = simulate_scores(
        plan, rng.standard_normal(candidates), int(rng.integers(2**31)), assumptions
    )
    drawn = rng.integers(variants, size=(candidates, len(plan.tasks) + len(plan.items)))
    wrong = rng.choice(3, p=(0.6, 0.25, 0.15), size=items.shape)
    return [
        _sheet(blueprint, (seed, row), tasks[row], items[row], wrong[row], drawn[row], mode)
        for row in range(candidates)
    ]


def _sheet(
    blueprint: Blueprint,
    number: tuple[int, int],
    task_credit: Matrix,
    item_credit: Matrix,
    wrong: Matrix,
    drawn: Matrix,
    mode: str,
) -> dict[str, Any]:
    tasks = [
        _task(slot, float(credit), int(variant))
        for slot, credit, variant in zip(blueprint.available, task_credit, drawn, strict=False)
    ]
    places = [domain.id for domain in blueprint.domains for _ in range(domain.items)]
    items = [
        _item(
            position + 1,
            domain,
            blueprint.item_worth(),
            bool(item_credit[position]),
            int(wrong[position]),
            int(drawn[len(tasks) + position]),
        )
        for position, domain in enumerate(places)
    ]
    session = f"simulated-{number[0]}-{number[1]:04d}"
    return {
        "version": 1,
        "session": session,
        "candidate": f"candidate-{number[0]}-{number[1]:04d}",
        "exam": blueprint.id,
        "blueprint": blueprint.version,
        "mode": mode,
        "grader": "simulated",
        "envelope_sha256": hashlib.sha256(session.encode()).hexdigest(),
        "graded_at": f"2026-11-{1 + number[1] % 28:02d}T12:00:00+00:00",
        "verified": dict.fromkeys(("form", "owner", "nonce", "deadline", "chain"), True) | {"reasons": []},
        "tasks": tasks,
        "items": items,
        **decide(blueprint, tasks, items),
        "flags": [],
    }


def _task(slot: Slot, credit: float, variant: int) -> dict[str, Any]:
    lines = [
        {
            "metric": part,
            "part": part,
            "points": slot.points * share,
            "zero_at": 0.0,
            "full_at": 1.0,
            "measured": credit,
            "earned": slot.points * share * credit,
            "why": "simulated",
        }
        for part, share in _PARTS
    ]
    return {
        "slot": slot.slot,
        "domain": slot.domain,
        "variant": f"v{variant + 1:02d}",
        "points": slot.points,
        "earned": slot.points * credit,
        "lines": lines,
        "facts": {},
        "critical": [],
        "refused": [],
        "flags": [],
    }


def _item(number: int, domain: str, points: float, right: bool, wrong: int, variant: int) -> dict[str, Any]:
    chosen = 0 if right else 1 + wrong
    return {
        "id": f"{domain.lower()}-{number:02d}",
        "revision": 1,
        "variant": f"v{variant + 1}",
        "domain": domain,
        "kind": "single",
        "points": points,
        "credit": float(right),
        "confidence": "think",
        "answer": [chosen],
        "reasons": [
            {
                "text": f"the {text} option of {number}",
                "right": place == 0,
                "given": place == chosen,
                "why": "",
            }
            for place, text in enumerate(_OPTIONS)
        ],
    }
