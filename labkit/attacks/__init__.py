"""Attacks: what a victim can be made to do, by whoever has the access that each one needs."""

from labkit.attacks import evasion, federated, inversion, poisoning
from labkit.attacks.oracle import Oracle

__all__ = ["Oracle", "evasion", "federated", "inversion", "poisoning"]
