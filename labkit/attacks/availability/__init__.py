"""Availability: inputs that cost a model more than others do."""

from labkit.attacks.availability.sponge import sponge

__all__ = ["sponge"]
