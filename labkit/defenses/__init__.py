"""Defenses: training against the attack, filters that mostly hide the gradient, screening of data."""

from labkit.defenses import aggregation, sanitising
from labkit.defenses.adversarial_training import adversarial_training
from labkit.defenses.squeezing import Binarising, BitDepthSqueezing

__all__ = ["Binarising", "BitDepthSqueezing", "adversarial_training", "aggregation", "sanitising"]
