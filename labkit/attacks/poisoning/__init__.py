"""Poisoning: training data that makes a model learn what its owner does not want.

Every attack takes a training set and returns a :class:`labkit.core.PoisonedDataset`; it
claims nothing about success, and the set that it was given stays as it was.
"""

from collections.abc import Callable

from labkit.attacks.poisoning.availability import adversarial_poison
from labkit.attacks.poisoning.backdoor import badnets, blended, patch
from labkit.attacks.poisoning.bullseye import bullseye_polytope
from labkit.attacks.poisoning.feature_collision import feature_collision
from labkit.attacks.poisoning.gradient_matching import gradient_matching
from labkit.attacks.poisoning.group_flip import group_label_flip
from labkit.attacks.poisoning.label_flip import label_flip
from labkit.core.poisoning import PoisonedDataset

__all__ = [
    "ATTACKS",
    "adversarial_poison",
    "badnets",
    "blended",
    "bullseye_polytope",
    "feature_collision",
    "gradient_matching",
    "group_label_flip",
    "label_flip",
    "patch",
]

ATTACKS: dict[str, Callable[..., PoisonedDataset]] = {
    "adversarial_poison": adversarial_poison,
    "badnets": badnets,
    "blended": blended,
    "bullseye_polytope": bullseye_polytope,
    "feature_collision": feature_collision,
    "gradient_matching": gradient_matching,
    "group_label_flip": group_label_flip,
    "label_flip": label_flip,
}
"""Every attack on training data, by name."""
