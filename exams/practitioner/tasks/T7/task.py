"""T7: who has our model, or who decides by the group?  The variant says which of the two it is.

Five suspects are issued as weights, in an order that the seed decides.  Every figure of a hand-in is
held against what is measured here on the same models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.exams.issued import Issued
from labkit.exams.task import Measured, Variant, load_code, read_task
from labkit.metrics import binomial_p_value, holm

_MADE = load_code(read_task(Path(__file__).parent), "suspects")
"""The module beside this one that makes the suspects."""

SUSPECTS: tuple[str, ...] = _MADE.SUSPECTS
_NEAR = {"ownership": 1.01 / _MADE.SECRET_KEYS, "audit": 5.01 / _MADE.FILES}
"""How far a figure may lie from the measured one: one key, or five files."""
_NEAR_ORDINARY = 0.0151


def issue(variant: Variant) -> Issued:
    """Return suspects and the means to question them; not how any of them was made."""
    return _MADE.suspicion(variant).issued


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold verdicts and figures against what the judge measures on the same models."""
    case = _MADE.suspicion(variant)
    rows = _once(hand_in.get("verdicts", ()))
    said = [rows.get(name, {}).get("verdict", "") for name in SUSPECTS]
    # A figure is evidence only beside the verdict that it bears: whoever measures everything and accuses
    # nobody has not used what was measured.
    near = [
        said[i] == case.truth[i]
        and _is_near(rows.get(name), "evidence", case.evidence[i], _NEAR[case.family])
        for i, name in _each()
    ]
    usual = [_is_near(rows.get(name), "ordinary", case.ordinary[i], _NEAR_ORDINARY) for i, name in _each()]
    guilty = [i for i, _ in _each() if case.truth[i] != case.innocent]
    others = [i for i, _ in _each() if i not in guilty]
    guilty_near = sum(near[i] for i in guilty) / len(guilty)
    accused = [i for i, _ in _each() if said[i] not in ("", case.innocent)]
    return Measured(
        {
            "verdicts": _balanced(case.truth, said),
            # One figure for all of them is right for innocent suspects or for the others, never for both.
            "figures": guilty_near * sum(near[i] for i in others) / len(others),
            "claim": _claim(case, accused),
            "ordinary": sum(usual) / len(usual),
            "trap": guilty_near * near[case.trap],
            "wrongly_accused": float(sum(i not in guilty for i in accused)),
        },
        {
            "truth": ", ".join(
                f"{name} {verdict}" for name, verdict in zip(SUSPECTS, case.truth, strict=True)
            ),
            **{f"evidence_{name}": case.evidence[i] for i, name in _each()},
            **{f"ordinary_{name}": case.ordinary[i] for i, name in _each()},
        },
    )


def _each() -> list[tuple[int, str]]:
    return list(enumerate(SUSPECTS))


def _once(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the rows by suspect; about whom two rows are handed in, nothing is said."""
    names = [row["suspect"] for row in rows]
    return {row["suspect"]: row for row in rows if names.count(row["suspect"]) == 1}


def _is_near(row: Mapping[str, Any] | None, column: str, measured: float, tolerance: float) -> bool:
    return row is not None and abs(float(row[column]) - measured) <= tolerance


def _balanced(truth: Sequence[str], said: Sequence[str]) -> float:
    """Return the mean share that is right of each kind of truth, scaled so that one answer to all is 0."""
    kinds = sorted(set(truth))
    shares = [
        sum(s == t for s, t in zip(said, truth, strict=True) if t == kind) / truth.count(kind)
        for kind in kinds
    ]
    chance = 1 / len(kinds)
    return max(0.0, (sum(shares) / len(kinds) - chance) / (1 - chance))


def _claim(case: Any, accused: Sequence[int]) -> float:
    """Return what the claim should say about those whom the candidate accuses; 0 where nobody is."""
    if not accused:
        return 0.0
    if case.family == "audit":
        return 100 * max(case.evidence[i] for i in accused)
    keys = _MADE.SECRET_KEYS
    adjusted = holm([binomial_p_value(round(share * keys), keys, 0.1) for share in case.evidence])
    return math.log10(max(1e-60, max(adjusted[i] for i in accused)))
