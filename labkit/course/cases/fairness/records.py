"""What was handed in to the lab about bias, written so that somebody else can measure it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.course.cases.fairness.case import FairnessCase
from labkit.course.cases.fairness.decisions import check_record
from labkit.course.cases.fairness.recipes import check_recipe
from labkit.course.cases.suspicions import suspicions
from labkit.defenses.sanitising import batch_digest

__all__ = ["RECORDS", "handed_in_again"]

Record = dict[str, Any]


def _skew(case: FairnessCase, y_poisoned: Tensor) -> tuple[Record, Record]:
    given = torch.as_tensor(y_poisoned)
    positions = (given != case.y).nonzero().flatten()
    down = int((given[positions] == 0).sum())
    parameters = {
        "outcomes_turned": len(positions),
        "turned_to_not_repaid": down,
        "in_district_1": int(case.district[positions].sum()),
    }
    return parameters, {"issued_sha256": batch_digest(case.x, case.y), "positions": positions.tolist()}


def _repair(case: FairnessCase, recipe: Mapping[str, Any]) -> tuple[Record, Record]:
    whole = check_recipe(recipe)
    return {"recipe": whole}, {"recipe": whole}


def _blind(case: FairnessCase, verdicts: Sequence[str], suspects: Sequence[Any]) -> tuple[Record, Record]:
    return suspicions(verdicts, suspects)


def _decide(case: FairnessCase, record: Mapping[str, Any]) -> tuple[Record, Record]:
    whole = check_record(record)
    return whole, {"record": whole}


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "skew": _skew,
    "repair": _repair,
    "blind": _blind,
    "decide": _decide,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""


def handed_in_again(case: FairnessCase, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint takes, from what a record says was handed in.

    Parameters
    ----------
    case : FairnessCase
        Of the scenario and seed that the record names.
    record : mapping
        Read from the JSON file of a checkpoint in an evidence pack.

    Raises
    ------
    InvalidInputError
        When the record is of other data than those of this case.
    """
    kept = dict(record["handed_in"])
    if "positions" not in kept:
        return kept
    if kept["issued_sha256"] != batch_digest(case.x, case.y):
        raise InvalidInputError(
            f"expected a record of seed {case.seed}, got one of other data (seed {record.get('seed')})"
        )
    y = case.y.clone()
    positions = torch.tensor(kept["positions"], dtype=torch.int64)
    y[positions] = 1 - y[positions]
    return {"y_poisoned": y}
