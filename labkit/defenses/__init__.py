"""Defenses: training against the attack, and filters that mostly hide the gradient."""

from labkit.defenses.adversarial_training import adversarial_training
from labkit.defenses.squeezing import Binarising, BitDepthSqueezing

__all__ = ["Binarising", "BitDepthSqueezing", "adversarial_training"]
