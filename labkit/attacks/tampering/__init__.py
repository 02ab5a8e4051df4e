"""Tampering: changes to a stored model."""

from labkit.attacks.tampering.bit_flips import BitFlip, TamperedModel, flip_bits

__all__ = ["BitFlip", "TamperedModel", "flip_bits"]
