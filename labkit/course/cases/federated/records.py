"""What was handed in to the federated lab, written so that somebody else can measure it again.

All of it is plain data already: recipes, a size of groups, names of claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.recipes import check_attack, check_server
from labkit.course.cases.federated.secrecy import check_group, check_works

__all__ = ["RECORDS"]

Record = dict[str, Any]
Recipe = Mapping[str, Any]


def _attack(case: FederatedCase, recipe: Recipe) -> tuple[Record, Record]:
    whole = check_attack(recipe)
    return {"recipe": whole}, {"recipe": whole}


def _server(case: FederatedCase, recipe: Recipe) -> tuple[Record, Record]:
    whole = check_server(recipe)
    return {"recipe": whole}, {"recipe": whole}


def _masked(
    case: FederatedCase, group_size: int, recipe: Recipe, works: Sequence[str]
) -> tuple[Record, Record]:
    kept = {
        "group_size": check_group(group_size, int(case.setting("clients"))),
        "recipe": check_server(recipe),
        "works": check_works(works),
    }
    return kept, dict(kept)


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "crash": _attack,
    "stealth": _attack,
    "defend": _server,
    "minority": _server,
    "masked": _masked,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""
