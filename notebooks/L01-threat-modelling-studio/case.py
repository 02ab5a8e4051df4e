"""One participant's variant of the studio: a system on paper, and what is measured on it.

The participant hands in lists: threats, register rows, steps, controls. The architecture, what
was planted in it, prices and appetite come from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from labkit.core import InvalidInputError
from labkit.course import Scenario
from labkit.governance import threatmodel as tm
from labkit.scoring import Measurement

OWNERS = (
    "AI product owner",
    "ML engineering lead",
    "security lead",
    "data protection officer",
    "operations lead",
)
PROBLEMS = (
    *("flat", "absent", "ownerless", "underrated", "overrated"),
    *("unfit", "untagged", "unfounded"),
)
PRECISION_FLOOR = 0.6
FAR_OFF = 9.0  # instead of infinity, for what reaches nothing at all


@dataclass(frozen=True)
class ThreatCase:
    """A system to model.

    Attributes
    ----------
    scenario : Scenario
    seed : int
    """

    scenario: Scenario
    seed: int

    @cached_property
    def architecture(self) -> tm.Architecture:
        """The system, and what is wrong with it."""
        return tm.generate(self.scenario.settings["family"], self.seed)

    @property
    def model(self) -> tm.SystemModel:
        """The diagram, with notes on how each part is built."""
        return self.architecture.model

    @property
    def tree(self) -> tm.Gate:
        """How the attacker's goal can be reached."""
        return self.architecture.tree

    @property
    def controls(self) -> tuple[tm.Control, ...]:
        """What can be bought."""
        return self.architecture.controls

    @property
    def owners(self) -> tuple[str, ...]:
        """Who may own a risk at Meridian Care."""
        return OWNERS


def make_case(
    scenario: Scenario, seed: int, progress: Callable[[int, int, str], None] | None = None
) -> ThreatCase:
    """Return the participant's system."""
    return ThreatCase(scenario, seed)


def measure_threats_found(case: ThreatCase, threats: Iterable[tuple[str, str]]) -> Measurement:
    """Recall of the planted threats; it counts only while most of what is reported is so."""
    found = tm.compare(case.architecture, [_pair(each) for each in threats])
    first_missed = found.missed[0] if found.missed else None
    first_false = next(iter(found.false.items()), None)
    counts = found.precision >= PRECISION_FLOOR
    return Measurement(
        found.recall if counts else 0.0,
        {
            "recall": found.recall,
            "precision": found.precision,
            "hits": float(len(found.hits)),
            "missed": float(len(found.missed)),
            "alarms": float(len(found.false)),
            "near": float(len(found.near)),
            "reported": float(len(found.hits) + len(found.false)),
            "place": case.model.title(first_missed.at) if first_missed else "",
            "alarm": _say_alarm(case, first_false) if first_false else "",
            # Whoever hands in nothing has looked nowhere yet, and is not told where to look.
            "missing": _say_missed(case, found.missed) if found.hits or found.false else "",
        },
    )


def measure_register(case: ThreatCase, rows: Iterable[tm.Threat | Mapping[str, Any]]) -> Measurement:
    """Share of the high risks that a register rates, owns and answers; what cries wolf counts against it."""
    threats = [_row(each) for each in rows]
    score = tm.register_score(case.architecture, threats, OWNERS)
    first = score.problems[0] if score.problems else None
    return Measurement(
        score.share,
        {
            "high": float(score.high),
            "handled": float(score.handled),
            "rows": float(len(threats)),
            "resting_on_no_note": float(score.unplanted),
            **{kind: float(score.count(kind)) for kind in PROBLEMS},
            "row": _say_row(case, first) if first else "",
            "row_why": first.why if first else "",
        },
    )


def measure_tree_excess(case: ThreatCase, path: Iterable[str], cut: Iterable[str]) -> Measurement:
    """How far the attack and the cut are from the cheapest ones, as shares of their cost, added up."""
    steps = {step.id: step for step in tm.steps(case.tree)}
    chosen = list(dict.fromkeys(path))
    prices = {control.id: control.cost for control in case.controls}
    stops = list(dict.fromkeys(cut))
    _known("step of the tree", chosen, steps)
    _known("control", stops, prices)
    cheapest = tm.best_path(case.tree)
    best_cut = tm.cheapest_cut(case.tree, case.controls, case.architecture.purse)
    if cheapest is None or best_cut is None:
        raise AssertionError("every variant has an attack and a cut")
    cost = sum(steps[name].cost for name in chosen)
    works = tm.is_attack(case.tree, chosen)
    left = tm.best_path(case.tree, stopped=stops)
    holds = left is None or left.cost > case.architecture.purse
    paid = sum(prices[name] for name in stops)
    path_excess = cost / cheapest.cost - 1 if works else FAR_OFF
    cut_excess = paid / max(best_cut[1], 1) - 1 if holds else FAR_OFF
    return Measurement(
        round(path_excess + cut_excess, 9),
        {
            "path_excess": path_excess,
            "cut_excess": cut_excess,
            "works": float(works),
            "holds": float(holds),
            "path_cost": cost,
            "cheapest": cheapest.cost,
            "cut_cost": float(paid),
            "best_cut": float(best_cut[1]),
            "left": left.cost if left is not None else 0.0,
            "purse": case.architecture.purse,
        },
    )


def measure_residual_share(case: ThreatCase, chosen: Iterable[str]) -> Measurement:
    """Residual risk as a share of the appetite; controls that the budget does not pay for do nothing."""
    names, cost = _bought(case, chosen)
    affordable = cost <= case.architecture.budget
    left = tm.residual(case.architecture.risks, case.controls, names if affordable else ())
    return Measurement(left / case.architecture.appetite, _money(case, names, cost, left))


def measure_overpaid_share(case: ThreatCase, chosen: Iterable[str]) -> Measurement:
    """What the controls cost beyond the cheapest that reach the appetite, as a share of those."""
    names, cost = _bought(case, chosen)
    left = tm.residual(case.architecture.risks, case.controls, names)
    cheapest = tm.cheapest_controls(case.architecture.risks, case.controls, case.architecture.appetite)
    if cheapest is None:
        raise AssertionError("every variant can reach its appetite")
    enough = left <= case.architecture.appetite + 1e-9
    facts = {**_money(case, names, cost, left), "cheapest": float(cheapest.cost), "enough": float(enough)}
    return Measurement(cost / cheapest.cost - 1 if enough else FAR_OFF, facts)


# ------------------------------------------------------------------ inside


def _bought(case: ThreatCase, chosen: Iterable[str]) -> tuple[list[str], int]:
    names = list(dict.fromkeys(chosen))
    prices = {control.id: control.cost for control in case.controls}
    _known("control", names, prices)
    return names, sum(prices[name] for name in names)


def _money(case: ThreatCase, names: list[str], cost: int, left: float) -> dict[str, float | str]:
    idle = [control.title for control in case.controls if control.id in names and not control.against]
    return {
        "cost": float(cost),
        "budget": float(case.architecture.budget),
        "left": left,
        "before": tm.residual(case.architecture.risks, case.controls, ()),
        "appetite": case.architecture.appetite,
        "idle": float(len(idle)),
        "idle_title": idle[0] if idle else "",
    }


def _say_alarm(case: ThreatCase, alarm: tuple[tuple[str, str], str]) -> str:
    (where, what), why = alarm
    return f"{tm.CATEGORIES[what].name} at {case.model.title(where)}: {why}"


def _say_missed(case: ThreatCase, missed: Iterable[tm.Flaw]) -> str:
    asked = ((case.model.title(flaw.at), tm.CATEGORIES[flaw.category].question) for flaw in missed)
    return "; ".join(f"{where} ({question})" for where, question in asked)


def _say_row(case: ThreatCase, problem: tm.RegisterProblem) -> str:
    where = case.model.title(problem.where)
    # What is not in the register is located only; which of the letters it is stands in the notes.
    return where if problem.kind == "absent" else f"{tm.CATEGORIES[problem.category].name} at {where}"


def _pair(value: Any) -> tuple[str, str]:
    if isinstance(value, tm.Threat):
        return value.key
    if not (isinstance(value, tuple | list) and len(value) == 2):
        raise InvalidInputError(
            f'expected each threat as (part, letter of STRIDE), such as ("index", "I"); got {value!r}'
        )
    return str(value[0]), str(value[1])


def _row(value: Any) -> tm.Threat:
    if isinstance(value, tm.Threat):
        return value
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"expected each row as a Threat or a mapping, got {type(value).__name__}")
    try:
        return tm.Threat(**value)
    except TypeError as error:
        raise InvalidInputError(
            "expected target, category, technique, mitigation, likelihood, impact and owner in a row: "
            f"{error}"
        ) from None


def _known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    all_of_them = list(known)
    for name in names:
        if name not in all_of_them:
            raise InvalidInputError(f"there is no {kind} {name!r}. Known: {', '.join(all_of_them)}")


def _share_removed(case: ThreatCase) -> float:
    best = tm.best_controls(case.architecture.risks, case.controls, case.architecture.budget)
    before = tm.residual(case.architecture.risks, case.controls, ())
    return 100 * (1 - best.residual / before)


MEASURES = {
    "threats_found": measure_threats_found,
    "register": measure_register,
    "tree_excess": measure_tree_excess,
    "residual_share": measure_residual_share,
    "overpaid_share": measure_overpaid_share,
}

OUTCOMES = {
    "share_removed_percent": _share_removed,
    "crossing_flows": lambda case: float(sum(case.model.crosses(flow) for flow in case.model.flows)),
}
