"""Three players of the federated lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labkit.course.cases.federated.case import FederatedCase

Handed = Iterator[tuple[str, dict[str, Any]]]


def reference(case: FederatedCase) -> Handed:
    """Play the lab as the solution notebook does."""
    yield "crash", {"recipe": {"attack": "sign_flip", "scale": 5.0}}
    yield "stealth", {"recipe": {"attack": "inner_product", "scale": 0.6, "listens": True}}
    yield "defend", {"recipe": {"aggregator": "multi_krum", "tolerated": 3, "kept": 7}}
    yield "minority", {"recipe": {"aggregator": "distance_filter", "threshold": 5.0}}
    yield (
        "masked",
        {"group_size": 2, "recipe": {"aggregator": "median"}, "works": ["proven_length", "pairs"]},
    )


def nothing(case: FederatedCase) -> Handed:
    """Train along, and let the server add up as it always did."""
    yield "crash", {"recipe": {"attack": "none"}}
    yield "stealth", {"recipe": {"attack": "none"}}
    yield "defend", {"recipe": {"aggregator": "mean"}}
    yield "minority", {"recipe": {"aggregator": "mean"}}
    yield "masked", {"group_size": 10, "recipe": {"aggregator": "mean"}, "works": []}


def lazy(case: FederatedCase) -> Handed:
    """Do the first thing that comes to mind: turn the sign, pull hard, take the rule that is in the news."""
    yield "crash", {"recipe": {"attack": "sign_flip", "scale": 1.0}}
    yield "stealth", {"recipe": {"attack": "sign_flip", "scale": 5.0}}
    yield "defend", {"recipe": {"aggregator": "median"}}
    yield "minority", {"recipe": {"aggregator": "multi_krum", "tolerated": 3, "kept": 7}}
    yield (
        "masked",
        {"group_size": 5, "recipe": {"aggregator": "median"}, "works": ["krum_on_arrival", "pairs"]},
    )
