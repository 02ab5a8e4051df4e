"""Membership: whether a record was in the training data, and what else answers say about the data.

Attacks on membership return :class:`labkit.core.MembershipScores` and claim nothing about success.
"""

from collections.abc import Callable

from labkit.attacks.membership._common import true_confidence
from labkit.attacks.membership.answers import entropy_attack, loss_attack, modified_entropy_attack
from labkit.attacks.membership.attribute import AttributeGuesses, infer_attribute
from labkit.attacks.membership.lira import leave_one_out, likelihood_ratio, lira
from labkit.attacks.membership.property import infer_property
from labkit.attacks.membership.shadow_attack import shadow_attack
from labkit.attacks.membership.shadows import Shadows, draw_members, train_shadows
from labkit.core.membership import MembershipScores

__all__ = [
    "ATTACKS",
    "AttributeGuesses",
    "Shadows",
    "draw_members",
    "entropy_attack",
    "infer_attribute",
    "infer_property",
    "leave_one_out",
    "likelihood_ratio",
    "lira",
    "loss_attack",
    "modified_entropy_attack",
    "shadow_attack",
    "train_shadows",
    "true_confidence",
]

ATTACKS: dict[str, Callable[..., MembershipScores]] = {
    "entropy": entropy_attack,
    "lira": lira,
    "loss": loss_attack,
    "modified_entropy": modified_entropy_attack,
    "shadow": shadow_attack,
}
"""Attacks on membership by name; ``lira`` and ``shadow`` take ``shadows``."""
