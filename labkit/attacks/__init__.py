"""Attacks: what a victim can be made to do, by whoever has the access that each one needs."""

from labkit.attacks import (
    availability,
    evasion,
    explanation,
    extraction,
    federated,
    inversion,
    membership,
    poisoning,
    tampering,
)
from labkit.attacks.oracle import Oracle

__all__ = [
    "Oracle",
    "availability",
    "evasion",
    "explanation",
    "extraction",
    "federated",
    "inversion",
    "membership",
    "poisoning",
    "tampering",
]
