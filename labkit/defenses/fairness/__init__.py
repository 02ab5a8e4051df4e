"""Fairness repairs: make a model treat groups alike by one measure, before training or after it.

None of them makes a model fair.  Each moves one gap to zero, at the price of others, which
:mod:`labkit.metrics` measures; and each believes the labels that it is given.
"""

from labkit.defenses.fairness.reweighing import reweigh
from labkit.defenses.fairness.thresholds import TARGETS, GroupThresholds, repair_thresholds

__all__ = ["TARGETS", "GroupThresholds", "repair_thresholds", "reweigh"]
