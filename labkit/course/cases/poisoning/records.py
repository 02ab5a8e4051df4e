"""What was handed in to the poisoning lab, written so that somebody else can measure it again.

A record is plain data: which samples of the issued set were changed and into what, the sign,
what was taken out, the verdicts with their suspects, the recipe.  :func:`handed_in_again`
makes artefacts of it, on a case of the same scenario and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.screening import check_recipe
from labkit.course.cases.suspicions import positions_of, suspicions
from labkit.defenses.sanitising import Screening, batch_digest

__all__ = ["RECORDS", "handed_in_again"]

Record = dict[str, Any]


def _backdoor(
    case: PoisoningCase, x_poisoned: Tensor, y_poisoned: Tensor, mask: Tensor, pattern: Tensor, y_target: int
) -> tuple[Record, Record]:
    poison = _poison(case, torch.as_tensor(x_poisoned), torch.as_tensor(y_poisoned))
    sign = {"mask": torch.as_tensor(mask).tolist(), "pattern": torch.as_tensor(pattern).tolist()}
    parameters = {
        "poisoned_samples": len(poison["positions"]),
        "target_class": int(y_target),
        "trigger_pixels": int((torch.as_tensor(mask) > 0).sum()),
        "blend_ratio": float(torch.as_tensor(mask).max()),
    }
    return parameters, {**poison, "trigger": sign, "y_target": int(y_target)}


def _clean_label(case: PoisoningCase, x_poisoned: Tensor) -> tuple[Record, Record]:
    given = torch.as_tensor(x_poisoned)
    poison = _poison(case, given, case.y)
    classes = sorted({case.class_names[i] for i in case.y[poison["positions"]].tolist()})
    largest = float((given - case.x).abs().max())
    return {
        "poisoned_samples": len(poison["positions"]),
        "classes_poisoned": ", ".join(classes),
        "largest_change": largest,
    }, poison


def _clean_up(case: PoisoningCase, remove: Tensor | Screening) -> tuple[Record, Record]:
    parameters: Record = {}
    if isinstance(remove, Screening):
        parameters["recipe"] = {"method": remove.method, **remove.params}
        remove = remove.remove
    positions = positions_of(remove)
    return {**parameters, "removed": len(positions)}, {"remove": positions}


def _blind(case: PoisoningCase, verdicts: Sequence[str], suspects: Sequence[Any]) -> tuple[Record, Record]:
    return suspicions(verdicts, suspects)


def _price(case: PoisoningCase, recipe: Mapping[str, Any]) -> tuple[Record, Record]:
    whole = check_recipe(recipe)
    return {"recipe": whole}, {"recipe": whole}


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "backdoor": _backdoor,
    "clean-label": _clean_label,
    "clean-up": _clean_up,
    "blind": _blind,
    "price": _price,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""


def _poison(case: PoisoningCase, x: Tensor, y: Tensor) -> Record:
    positions = ((x != case.x).flatten(1).any(1) | (y != case.y)).nonzero().flatten()
    return {
        "issued_sha256": batch_digest(case.x, case.y),
        "positions": positions.tolist(),
        # What a float of 32 bits is, a float of 64 bits is as well: nothing is rounded.
        "x_poisoned": x[positions].tolist(),
        "y_poisoned": y[positions].tolist(),
    }


def handed_in_again(case: PoisoningCase, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint takes, from what a record says was handed in.

    Parameters
    ----------
    case : PoisoningCase
        Of the scenario and seed that the record names.
    record : mapping
        Read from the JSON file of a checkpoint in an evidence pack.

    Raises
    ------
    InvalidInputError
        When the record is of other data than those of this case.
    """
    kept = record["handed_in"]
    if "positions" not in kept:
        return dict(kept) if "remove" not in kept else {"remove": _whole(kept["remove"])}
    if kept["issued_sha256"] != batch_digest(case.x, case.y):
        raise InvalidInputError(
            f"expected a record of seed {case.seed}, got one of other data (seed {record.get('seed')})"
        )
    where = _whole(kept["positions"])
    x, y = case.x.clone(), case.y.clone()
    if len(where):
        x[where], y[where] = torch.tensor(kept["x_poisoned"]), _whole(kept["y_poisoned"])
    if "trigger" not in kept:
        return {"x_poisoned": x}
    sign = {name: torch.tensor(kept["trigger"][name]) for name in ("mask", "pattern")}
    return {"x_poisoned": x, "y_poisoned": y, **sign, "y_target": kept["y_target"]}


def _whole(numbers: Sequence[int]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int64)
