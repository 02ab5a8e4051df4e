"""Poisoning: training data that makes a model learn what its owner does not want.

Every attack takes a training set and returns a :class:`labkit.core.PoisonedDataset`; it
claims nothing about success, and the set that it was given stays as it was.
"""

from collections.abc import Callable

from labkit.attacks.poisoning.backdoor import badnets, blended, patch
from labkit.attacks.poisoning.feature_collision import feature_collision
from labkit.attacks.poisoning.group_flip import group_label_flip
from labkit.attacks.poisoning.label_flip import label_flip
from labkit.core.poisoning import PoisonedDataset

__all__ = ["ATTACKS", "badnets", "blended", "feature_collision", "group_label_flip", "label_flip", "patch"]

ATTACKS: dict[str, Callable[..., PoisonedDataset]] = {
    "badnets": badnets,
    "blended": blended,
    "feature_collision": feature_collision,
    "group_label_flip": group_label_flip,
    "label_flip": label_flip,
}
"""Every attack on training data, by name."""
