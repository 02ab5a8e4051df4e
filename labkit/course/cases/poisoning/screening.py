"""Recipes for screening a delivery: plain data, so that whoever judges can run them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.results import Parameter
from labkit.course.cases.poisoning.case import PoisoningCase
from labkit.course.cases.poisoning.deliveries import Delivery
from labkit.defenses.sanitising import (
    Screening,
    activation_clustering,
    knn_consistency,
    provenance,
    spectral_signatures,
)
from labkit.models import features

__all__ = ["COMPARED", "METHODS", "NEIGHBOURS", "check_recipe", "screen", "vouched"]

METHODS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "knn_consistency": {
            "k": 10,
            "threshold": 0.5,
            "neighbours": "delivery",
            "compare": "pixels",
            "only_unvouched": False,
        },
        "spectral_signatures": {"poison_rate": 0.05, "only_unvouched": False},
        "activation_clustering": {"threshold": 0.15, "only_unvouched": False},
        "provenance": {},
        "keep_everything": {},
    }
)
"""Every method with its settings and what they are by default."""

NEIGHBOURS = ("delivery", "vouched", "acceptance")
"""Whose labels are asked for: everybody's, those of vouched batches, those of the acceptance set."""

COMPARED = ("pixels", "features")
"""By what neighbours are found: the pixels, or what the layers below the last of the reader in use
make of them."""


def check_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with every setting in it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When it is no mapping, or names a method, setting or group of neighbours that is not known.
    """
    if not isinstance(recipe, Mapping) or "method" not in recipe:
        raise InvalidInputError(
            'expected a recipe such as {"method": "knn_consistency", "k": 10, "threshold": 0.5}, '
            f"got {recipe!r}"
        )
    method = recipe["method"]
    if method not in METHODS:
        raise UnknownNameError("method of screening", str(method), METHODS)
    if unknown := sorted(set(recipe) - {"method"} - set(METHODS[method])):
        raise UnknownNameError(f"setting of {method}", str(unknown[0]), METHODS[method])
    whole = {"method": method, **METHODS[method], **{k: v for k, v in recipe.items() if k != "method"}}
    if whole.get("neighbours", "delivery") not in NEIGHBOURS:
        raise UnknownNameError("group of neighbours", str(whole["neighbours"]), NEIGHBOURS)
    if whole.get("compare", "pixels") not in COMPARED:
        raise UnknownNameError("way to compare", str(whole["compare"]), COMPARED)
    return whole


def screen(case: PoisoningCase, delivery: Delivery, recipe: Mapping[str, Any]) -> Screening:
    """Screen a delivery as a recipe says.

    Parameters
    ----------
    case : PoisoningCase
        Its acceptance set may be asked, and its readers make the features.
    delivery : Delivery
    recipe : mapping
        See :data:`METHODS`.

    Returns
    -------
    Screening
        With the whole recipe as its parameters, so that somebody else can run it again.
    """
    whole = check_recipe(recipe)
    settings = dict(whole)
    method = settings.pop("method")
    only_unvouched = bool(settings.pop("only_unvouched", False))
    doubtful = vouched(delivery).logical_not()
    if method == "keep_everything":
        nobody = torch.zeros(len(delivery), dtype=torch.bool)
        found = Screening("keep_everything", nobody.float(), nobody)
    elif method == "provenance":
        found = provenance(delivery.x, delivery.y, delivery.batches, delivery.vouchers or {})
    elif method == "knn_consistency":
        found = _ask_neighbours(case, delivery, ~doubtful, **settings)
    else:
        # The paper's tools look into a reader that has learned from what is screened.
        inner = features(case.train_with(delivery.x, delivery.y), delivery.x)
        function = spectral_signatures if method == "spectral_signatures" else activation_clustering
        found = function(inner, delivery.y, **settings)
    scores, remove = found.scores, found.remove
    if only_unvouched:
        scores, remove = torch.where(doubtful, scores, torch.zeros_like(scores)), remove & doubtful
    return Screening(found.method, scores, remove, {k: v for k, v in whole.items() if k != "method"})


def vouched(delivery: Delivery) -> Tensor:
    """Return whether each sample came in a batch that its source vouches for, ``(n,)`` bool."""
    return ~provenance(delivery.x, delivery.y, delivery.batches, delivery.vouchers or {}).remove


def _ask_neighbours(
    case: PoisoningCase, delivery: Delivery, known: Tensor, *, neighbours: str, compare: str, **settings: Any
) -> Screening:
    def seen(x: Tensor) -> Tensor:
        return features(case.victim, x) if compare == "features" else x

    asked = _neighbours(case, delivery, neighbours, known)
    trusted = None if asked is None else (seen(asked[0]), asked[1])
    return knn_consistency(seen(delivery.x), delivery.y, trusted=trusted, **settings)


def _neighbours(
    case: PoisoningCase, delivery: Delivery, who: str, known: Tensor
) -> tuple[Tensor, Tensor] | None:
    if who == "acceptance":
        return case.x_test, case.y_test
    if who == "vouched":
        if not bool(known.any()):
            raise InvalidInputError(
                f"{delivery.name} has no batch that anybody vouches for: ask the acceptance set instead"
            )
        return delivery.x[known], delivery.y[known]
    return None
