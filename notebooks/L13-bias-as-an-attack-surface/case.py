"""What is measured on one participant's variant of the lab about bias.

The participant hands in data: outcomes, a recipe, verdicts with suspects, the record of a
decision.  Models are trained here, and every figure is measured on people whom only the judge
draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.poisoning import group_label_flip
from labkit.core import InvalidInputError
from labkit.course.cases.fairness import records
from labkit.course.cases.fairness.applicants import Applicants
from labkit.course.cases.fairness.case import (
    FairnessCase,
    deliveries_to_come,
    fairness_case,
    hidden_in_branches,
    judged_people,
)
from labkit.course.cases.fairness.decisions import REFUSAL, accuracy, check_record, gaps
from labkit.course.cases.fairness.recipes import Desk, check_recipe, open_desk
from labkit.metrics import demographic_parity, detection, equalised_odds
from labkit.scoring import Measurement

make_case = fairness_case
RECORDS = records.RECORDS

LARGEST_DROP = 0.06  # of accuracy under poison: more than that, and somebody looks into the file
LARGEST_ODDS = 0.18
LARGEST_COST = 0.043  # of accuracy for a repair: what labs of this kind lose between 0.853 and 0.81
SHOWN_SHARE = 0.3  # of the turned labels of a branch must be among the suspects ...
LEAST_RIGHT = 1 / 3  # ... and of the suspects so many must be turned
HELD = 0.06  # a gap up to here counts as held; a wider one that is stated has to be given up
NEAR, COST_NEAR = 0.08, 0.02  # how far a stated gap and a stated cost may lie beside the measured one
WORDS = ("no attack", "attack")


# ------------------------------------------------------------------ the attack


def measure_poisoned_gap(case: FairnessCase, y_poisoned: Tensor) -> Measurement:
    """Gap of the approvals by a model trained on what was handed in; an illegal file is not used."""
    y = _outcomes(case, y_poisoned)
    turned = y != case.y
    clean = _clean(case)
    facts = {
        "changed": float(turned.sum()),
        "budget": float(case.poison_budget),
        "over": float(turned.sum()) - case.poison_budget,
        "in_district": float(case.district[turned].float().mean()) if bool(turned.any()) else 0.5,
        "before": abs(clean["gap"]),
        "clean": clean["accuracy"],
        "drop": 0.0,
        "noticed": 0.0,
        "achieved": abs(clean["gap"]),
    }
    if facts["over"] > 0:
        return Measurement(facts["before"], facts)
    found = _figures(case.train(y), judged_people(case))
    facts["drop"] = clean["accuracy"] - found["accuracy"]
    facts["achieved"] = abs(found["gap"])
    facts["noticed"] = float(facts["drop"] > LARGEST_DROP)
    return Measurement(facts["before"] if facts["noticed"] else facts["achieved"], facts)


def _outcomes(case: FairnessCase, y_poisoned: Any) -> Tensor:
    y = torch.as_tensor(y_poisoned)
    if y.shape != case.y.shape or y.is_floating_point() or y.dtype == torch.bool:
        raise InvalidInputError(
            f"expected y_poisoned as {len(case.y)} whole numbers, every outcome at its place; "
            f"got {y.dtype} of shape {tuple(y.shape)}"
        )
    if not set(y.unique().tolist()) <= {0, 1}:
        raise InvalidInputError("expected outcomes 0 (not repaid) and 1 (repaid), got others")
    return y.to(torch.int64)


def _figures(desk: Desk, people: Applicants) -> dict[str, float]:
    said = desk.decide(people)
    return {
        "accuracy": accuracy(said, people).value,
        "gap": demographic_parity(said, people.group).value,
        "odds": equalised_odds(said, people.y, people.group, resamples=100).value,
    }


@lru_cache(maxsize=8)
def _clean(case: FairnessCase) -> dict[str, float]:
    return _figures(case.train(case.y), judged_people(case))


# ------------------------------------------------------------------ the repair


def measure_repaired_gap(case: FairnessCase, recipe: Mapping[str, Any]) -> Measurement:
    """Gap that a recipe leaves on deliveries to come; where accuracy or odds pay for it, the gap without."""
    whole = check_recipe(recipe)
    found, without = _on_deliveries(case, tuple(sorted(whole.items()))), _on_deliveries(case, _NONE)
    clean = _clean(case)
    facts = {
        "gap": found["gap"],
        "odds": found["odds"],
        "accuracy": found["accuracy"],
        "cost": clean["accuracy"] - found["accuracy"],
        "without": without["gap"],
        "by_group": float(whole.get("by") == "group"),
        "delivered": float(whole.get("labels") == "delivered" and whole["target"] != "demographic_parity"),
        "repairs": float(whole["method"] != "none"),
    }
    facts["unfit"] = float(facts["cost"] > LARGEST_COST or facts["odds"] > LARGEST_ODDS)
    return Measurement(max(found["gap"], without["gap"]) if facts["unfit"] else found["gap"], facts)


_NONE = (("method", "none"),)


@lru_cache(maxsize=64)
def _on_deliveries(case: FairnessCase, recipe: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """Run a recipe on each delivery to come, and return the mean of what the desks do, without signs."""
    desks = [open_desk(dict(recipe), each, case.checked) for each in deliveries_to_come(case)]
    found = [_figures(desk, judged_people(case)) for desk in desks]
    return {name: sum(abs(each[name]) for each in found) / len(found) for name in found[0]}


# ------------------------------------------------------------------ the blind round


def measure_verdicts_shown(
    case: FairnessCase, verdicts: Sequence[str], suspects: Sequence[Any]
) -> Measurement:
    """1 when every branch was judged right and every attack shown by turned labels, else 0.

    How many were right is not said: whoever is told can find the answer by trying.
    """
    said = [str(word) for word in verdicts]
    if len(said) != len(case.branches) or not set(said) <= set(WORDS):
        raise InvalidInputError(
            f"expected {len(case.branches)} verdicts, each 'no attack' or 'attack', in the order of the "
            f"branches; got {said}"
        )
    if not isinstance(suspects, list | tuple) or len(suspects) != len(case.branches):
        raise InvalidInputError(
            f"expected suspects as {len(case.branches)} lists of positions, one for each branch, empty "
            "where there was no attack"
        )
    named = [_positions(each, len(branch)) for each, branch in zip(suspects, case.branches, strict=True)]
    hidden = [turned for _, turned in hidden_in_branches(case)]
    right = [_shown(*each) for each in zip(said, named, hidden, strict=True)]
    accused = [mask for word, mask in zip(said, named, strict=True) if word == "attack"]
    shares = [float(mask.float().mean()) for mask in accused]
    raw = [demographic_parity(each.y == 1, each.group).value for each in case.branches]
    facts = {
        "accused": float(len(accused)),
        "without_suspects": float(sum(share == 0 for share in shares)),
        "largest_share": max(shares, default=0.0),
        "widest": max(abs(each) for each in raw),
        "accused_widest": float(said[max(range(len(raw)), key=lambda i: abs(raw[i]))] == "attack"),
    }
    return Measurement(float(all(right)), facts)


def _shown(said: str, named: Tensor, turned: Tensor) -> bool:
    """Whether a verdict on a branch is right, and, where it accuses, shows the turned labels."""
    attacked = bool(turned.any())
    if said == "no attack" or not attacked:
        return (said == "no attack") == (not attacked)
    found = detection(named, turned)
    precise = float(turned[named].float().mean()) if bool(named.any()) else 0.0
    return found.caught.value >= SHOWN_SHARE and precise >= LEAST_RIGHT


def _positions(named: Any, n: int) -> Tensor:
    """Return positions, or a mask, as a mask of ``n`` people."""
    given = torch.as_tensor(named)
    if given.dtype == torch.bool and given.shape == (n,):
        return given
    gone = torch.zeros(n, dtype=torch.bool)
    if given.numel() == 0:
        return gone
    if given.is_floating_point() or given.dtype == torch.bool or given.dim() != 1:
        raise InvalidInputError(f"expected whole numbers as positions from 0 to {n - 1}, got {given.dtype}")
    if int(given.min()) < 0 or int(given.max()) >= n:
        raise InvalidInputError(
            f"expected positions from 0 to {n - 1}, got {int(given.min())} to {int(given.max())}"
        )
    gone[given.to(torch.int64)] = True
    return gone


# ------------------------------------------------------------------ the decision


def measure_true_statements(case: FairnessCase, record: Mapping[str, Any]) -> Measurement:
    """Share of the statements of a record that hold on people whom only the judge draws."""
    whole = check_record(record)
    measured, cost, apart = _decided(case, tuple(sorted(whole["recipe"].items())))
    off = {name: abs(whole["gaps"][name] - gap) for name, gap in measured.items()}
    worst = max(off, key=lambda name: off[name])
    given_up = set(whole["gives_up"])
    wide = {name for name, gap in whole["gaps"].items() if abs(gap) > HELD} - {whole["holds"]}
    refused = whole["holds"] == REFUSAL
    held_gap = 0.0 if refused else measured[whole["holds"]]
    held = whole["recipe"]["method"] == "none" if refused else abs(held_gap) <= HELD
    statements = [
        held,
        *(each <= NEAR for each in off.values()),
        abs(whole["cost"] - cost) <= COST_NEAR,
        given_up == wide,
        whole["reason"] == whole["holds"],
    ]
    facts: dict[str, float | str] = {
        "holds": whole["holds"].replace("_", " "),
        "held_gap": held_gap,
        "not_held": float(not held and not refused),
        "refused": float(refused),
        "not_refused": float(not held and refused),
        "wrong_figures": float(sum(each > NEAR for each in off.values())),
        "worst": worst.replace("_", " "),
        "worst_stated": whole["gaps"][worst],
        "worst_measured": measured[worst],
        "cost": cost,
        "cost_stated": whole["cost"],
        "wrong_cost": float(abs(whole["cost"] - cost) > COST_NEAR),
        "forgotten": float(len(wide - given_up)),
        "given_up_wrongly": float(len(given_up - wide)),
        "largest_gap": max(abs(gap) for gap in measured.values()),
        "largest": max(measured, key=lambda name: abs(measured[name])).replace("_", " "),
        "wrong_reason": float(whole["reason"] != whole["holds"]),
        "base_0": apart[0],
        "base_1": apart[1],
    }
    return Measurement(sum(statements) / len(statements), facts)


@lru_cache(maxsize=64)
def _decided(
    case: FairnessCase, recipe: tuple[tuple[str, str], ...]
) -> tuple[dict[str, float], float, tuple[float, float]]:
    """Return the gaps of a recipe in the other town, the accuracy that it costs, and the base rates."""
    people = judged_people(case, other=True)
    desk, plain = (open_desk(dict(each), case.portfolio, case.survey) for each in (recipe, _NONE))
    said = desk.decide(people)
    cost = accuracy(plain.decide(people), people).value - accuracy(said, people).value
    base = [float((people.y[people.group == member]).float().mean()) for member in (0, 1)]
    return {name: gap.value for name, gap in gaps(said, people).items()}, cost, (base[0], base[1])


MEASURES = {
    "poisoned_gap": measure_poisoned_gap,
    "repaired_gap": measure_repaired_gap,
    "verdicts_shown": measure_verdicts_shown,
    "true_statements": measure_true_statements,
}

# ------------------------------------------------------------------ what the predictions are about


def _example_gap(case: FairnessCase) -> float:
    """Return the gap after a tenth of the outcomes was turned, all in one district."""
    made = group_label_flip(
        case.x, case.y, group=case.district, poison_rate=case.setting("poison_limit"), choose="random", seed=0
    )
    return _figures(case.train(made.y_poisoned), judged_people(case))["gap"]


OUTCOMES = {
    "gap_points": lambda case: 100 * _example_gap(case),
    "left_by_group_percent": lambda case: (
        100
        * _on_deliveries(case, (("by", "group"), ("method", "reweigh")))["gap"]
        / _on_deliveries(case, _NONE)["gap"]
    ),
    "natural_gap_points": lambda case: 100 * _decided(case, _NONE)[0]["demographic_parity"],
}
