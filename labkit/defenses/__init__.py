"""Defenses: robust training, certificates, filters that mostly hide the gradient, screening of data."""

from labkit.defenses import aggregation, backdoors, sanitising
from labkit.defenses.integrity import tampered_tensors, weight_digests
from labkit.defenses.robust_training import adversarial_training
from labkit.defenses.squeezing import Binarising, BitDepthSqueezing, NoisyInput

__all__ = [
    "Binarising",
    "BitDepthSqueezing",
    "NoisyInput",
    "adversarial_training",
    "aggregation",
    "backdoors",
    "sanitising",
    "tampered_tensors",
    "weight_digests",
]
